/** What goes in and out, for validation and for the OpenAPI document. */
import { z } from 'zod';
import type { Json } from '../catalogue/image.js';
import { whyValues } from '../planner/decision.js';
import { onMissValues } from '../planner/policy.js';
import { duplicateThreshold } from '../corpus/duplicates.js';
import { parseFilter, readFilter } from '../catalogue/parse-filter.js';
import { MatvitError } from '../errors.js';

export const maxK = 1000;

/** Query and form fields are text. */
export const number = z.coerce.number();

/** `data:` addresses too, as browsers' canvases write them. */
export const base64Picture = z
  .string()
  .min(1)
  .transform((text): Buffer => {
    const plain = text.replace(/^data:[^,]{0,100};base64,/, '');
    if (/[^A-Za-z0-9+/=_-]/.test(plain)) throw new MatvitError('REQUEST_INVALID', 'a picture is not base64');
    return Buffer.from(plain, 'base64');
  })
  .describe('a picture, base64');

/** at most, for shares that have been rounded: less than a pixel of a picture with 10,000 */
const cropEnd = 1 + 1e-4;
export const crop = z
  .strictObject({
    x: z.number().min(0).lt(1),
    y: z.number().min(0).lt(1),
    width: z.number().gt(0).max(1),
    height: z.number().gt(0).max(1),
  })
  .refine(({ x, y, width, height }) => x + width <= cropEnd && y + height <= cropEnd, {
    message: 'a crop ends within the picture: x + width and y + height are at most 1',
  })
  .meta({
    id: 'Crop',
    description:
      'the part to look at, as shares of the upright picture, from its top left; x + width and y + height are at most 1',
  });

const cropMessage = 'a crop is x,y,width,height, each 0 to 1, and within the picture';
/** `0.1,0.2,0.5,0.5` */
const cropText = z
  .string()
  .regex(/^(\d*\.?\d+)(,\d*\.?\d+){3}$/, cropMessage)
  .transform((text, context) => {
    const [x, y, width, height] = text.split(',').map(Number);
    const result = crop.safeParse({ x, y, width, height });
    if (result.success) return result.data;
    context.addIssue({ code: 'custom', message: cropMessage });
    return z.NEVER;
  })
  .describe('the part to look at: x,y,width,height as shares of the upright picture');

export const example = z
  .strictObject({
    image: base64Picture.optional(),
    id: z.number().int().min(1).optional().describe('a picture of the index'),
    url: z.url().max(2000).optional().describe('a picture to fetch, where the service allows that'),
    crop: crop.optional(),
    weight: z.number().gt(0).max(100).default(1),
  })
  .refine(({ image, id, url }) => [image, id, url].filter(source => source !== undefined).length === 1, {
    message: 'an example has one of image, id and url',
  })
  .meta({ id: 'Example', description: 'one of image, id and url' });
export type Example = z.infer<typeof example>;

/** An object with one of image and url beside other keys. */
export const onePicture = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z
    .strictObject({ image: base64Picture.optional(), url: example.shape.url, ...shape })
    .refine(({ image, url }: { image?: unknown; url?: unknown }) => (image === undefined) !== (url === undefined), {
      message: 'a picture has one of image and url',
    });

/** An object whose values are not looked at: that is for what knows how large they may be, before they are walked. */
const jsonObject = z.record(z.string(), z.unknown() as z.ZodType<Json>);

export const metadata = jsonObject.meta({
  id: 'Metadata',
  description: 'what is known of a picture besides its pixels',
});

const plainHit = {
  id: z.number().int(),
  path: z.string().describe('relative to the folder that was indexed'),
  score: z.number().min(-1.001).max(1.001).describe('cosine similarity'),
  metadata,
};
export const hit = z
  .strictObject({
    ...plainHit,
    duplicates: z
      .array(z.strictObject(plainHit).meta({ id: 'Duplicate' }))
      .optional()
      .describe('with `collapse`: other hits that show the same, best first'),
  })
  .meta({ id: 'Hit' });

const ms = z.number().min(0);

export const cost = z
  .strictObject({
    at: z.string().describe('the operating point that encoded the query'),
    why: z
      .enum(whyValues)
      .describe(
        'why this one: `fits`, the most faithful that fits the budget; `degraded`, none with the fidelity asked for fits, ' +
          'and time went first; `best`, none does, and fidelity went first: the answer is late; `fixed`, the request has ' +
          '`at`; `no budget`, so the full model; `probe`, predicted to be late, and served to see whether that still holds',
      ),
    fidelity: z.number().optional().describe("expected rank-biased overlap with the full model's answer"),
    relativeMacs: z.number().describe("multiply-accumulates as a share of the full model's"),
    cores: z
      .number()
      .int()
      .describe('that encoded it: more than one only for a request that was alone, where that is faster'),
    ms: z
      .strictObject({
        decode: ms,
        wait: ms.describe('for its turn and for a free encoder'),
        encode: ms,
        search: ms,
        total: ms.describe("from the picture's last byte to the answer"),
      })
      .describe('what it took, milliseconds'),
    predictedMs: z
      .strictObject({
        decode: ms.describe('median'),
        encode: ms.describe('median'),
        service: ms.describe('95th percentile of decoding and encoding together'),
        answer: ms.describe('95th percentile of search and reply'),
      })
      .describe('what was predicted when the point was chosen, milliseconds'),
    waiting: z.number().int().describe('other requests that waited and could still be in time'),
    rate: z.number().min(0).describe('other requests a second that the choice reckoned with'),
    budget: z
      .strictObject({
        ms,
        slackMs: z
          .number()
          .describe('what was left of it for decoding and encoding when the point was chosen; may be negative'),
        allowedMs: z
          .number()
          .describe(
            'what the point could use of that: less when others wait, or when predictions have been missed of late',
          ),
        met: z.boolean().describe('was the answer ready in time?'),
      })
      .optional()
      .describe('absent without one'),
  })
  .meta({ id: 'Cost' });

const scalar = z.union([z.null(), z.boolean(), z.number(), z.string()]);
const facets = z.record(z.string(), z.array(z.strictObject({ value: scalar, count: z.number().int() })));

export const answer = z
  .strictObject({
    hits: z.array(hit),
    next: z
      .string()
      .optional()
      .describe('cursor of the next page; absent on the last one, and after 10,000 hits (2,000 with `collapse`)'),
    facets: facets
      .optional()
      .describe('the 20 commonest values of each field asked for, over all pictures that pass the filter'),
    familiarity: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe(
        "share of the index's pictures whose nearest other picture is no nearer to them than the first hit is to the " +
          'query; on the first page of an unfiltered search for one picture, where it is known',
      ),
    nothingLikeIt: z
      .boolean()
      .optional()
      .describe("is the familiarity 0.02 or less? So it is for 2% of the queries of the index's own kind"),
    cost: cost.optional().describe('absent where nothing was encoded'),
  })
  .meta({ id: 'SearchAnswer' });

const onMiss = z
  .enum(onMissValues)
  .optional()
  .describe(
    'what to do when no point with the fidelity asked for fits: `degrade` (default) answers in time with less fidelity, or ' +
      'as soon as it can; `reject` answers 503 BUDGET_EXCEEDED; `best` keeps the fidelity (without `minFidelity` the full ' +
      "model's) and is late",
  );
const budgets = {
  budgetMs: z.number().gt(0).max(60_000).optional().describe('latency budget, which chooses the operating point'),
  minFidelity: z.number().min(0).max(1).optional().describe("least expected overlap with the full model's answer"),
  onMiss,
};
const budgetsAsText = {
  budgetMs: number.gt(0).max(60_000).optional().describe('latency budget, which chooses the operating point'),
  minFidelity: number.min(0).max(1).optional().describe("least expected overlap with the full model's answer"),
  onMiss,
};
export const budgetHeader = 'X-Latency-Budget-Ms';
export const budgetHeaders = z.strictObject({
  [budgetHeader]: budgetsAsText.budgetMs.describe('latency budget of what has no `budgetMs` of its own'),
});

/** What can be asked of every search. */
const kDescription = 'hits on a page';
const common = {
  cursor: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('`next` of the page before; the rest of the query stays as it was'),
};
const collapseDescription =
  'fold hits that show the same into the best of them: true, or the cosine similarity from which two do; 10,000 hits or so are looked through';
/** @returns the similarity */
const threshold = (collapse: boolean | number) =>
  collapse === true ? duplicateThreshold : collapse === false ? undefined : collapse;
const facetNames = z.array(z.string().min(1).max(256)).max(20);
const options = {
  collapse: z
    .union([z.boolean(), z.number().min(0).max(1)])
    .transform(threshold)
    .optional()
    .describe(collapseDescription),
  k: z.number().int().min(1).max(maxK).default(10).describe(kDescription),
  minScore: z.number().min(-1).max(1).optional().describe('cosine similarity that a hit has at least'),
  filter: jsonObject
    .transform(readFilter)
    .optional()
    .describe('condition on the metadata in the language of MongoDB, such as {"label": {"$in": ["Fruits"]}}'),
  facets: facetNames.optional().describe('fields whose values are counted'),
  ...common,
};
const encoding = {
  at: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe(
      "operating point, such as S@112:int8; left out, a latency budget chooses it, and without any budget it is the full model's",
    ),
};

export const vectorQuery = z
  .strictObject({ vector: z.array(z.number()).min(1).max(8192).describe('made unit length'), ...options })
  .meta({ id: 'VectorQuery' });

/** as many as the setting `maxPictures` may allow, which bounds those that are decoded */
const examples = z.array(example).max(1000);
export const embedQuery = onePicture({ crop: crop.optional(), ...encoding, ...budgets });
export const query = z
  .strictObject({
    like: examples.min(1).describe('what hits should be like'),
    unlike: examples.default([]).describe('what they should not be like'),
    ...options,
    ...encoding,
    ...budgets,
  })
  .meta({ id: 'Query' });
export type Query = z.infer<typeof query>;

export const asText = {
  collapse: z
    .union([z.enum(['true', 'false']).transform(text => text === 'true'), number.min(0).max(1)])
    .transform(threshold)
    .optional()
    .describe(collapseDescription),
  k: number.int().min(1).max(maxK).default(10).describe(kDescription),
  minScore: number.min(-1).max(1).optional().describe('cosine similarity that a hit has at least'),
  filter: z.string().transform(parseFilter).optional().describe('condition on the metadata, as JSON'),
  facets: z
    .string()
    .max(2000)
    .transform(text => text.split(','))
    .pipe(facetNames)
    .optional()
    .describe('fields whose values are counted, with commas between'),
  ...common,
};
export const queryFields = z.strictObject({ crop: cropText.optional(), ...asText, ...encoding, ...budgetsAsText });
export const embedFields = z.strictObject({ crop: cropText.optional(), ...encoding, ...budgetsAsText });
