/** What a filter means, whatever database evaluates it. The language is read by parse-filter.ts. */

export type Scalar = null | boolean | number | string;

/**
 * A condition on a picture's metadata. `path` leads into nested objects, outermost key first. A list has a property
 * when one of its elements has. Types are never converted: 2000 is not '2000'.
 */
export type Filter =
  | { readonly kind: 'all' | 'any'; readonly of: readonly Filter[] }
  | { readonly kind: 'not'; readonly of: Filter }
  | { readonly kind: 'exists'; readonly path: readonly string[] }
  /** is one of the values */
  | { readonly kind: 'in'; readonly path: readonly string[]; readonly values: readonly Scalar[] }
  | { readonly kind: 'range'; readonly path: readonly string[]; readonly bounds: Bounds };

/** At least one, and all numbers or all strings, which are ordered by code point. */
export type Bounds = Readonly<Partial<Record<Comparison, number | string>>>;

export const comparisons = { $gt: '>', $gte: '>=', $lt: '<', $lte: '<=' } as const;
export type Comparison = keyof typeof comparisons;
