/** A value that is replaced while it is in use: everyone keeps the one they began with, the last to go closes it. */
interface Generation<T> {
  readonly value: T;
  users: number;
  retired: boolean;
}

export interface Lease<T> {
  readonly value: T;
  /** may be called twice */
  readonly release: () => void;
}

export class Leases<T> {
  private generation: Generation<T>;

  /** @param close of one that was replaced, or that is no longer used after `retire` */
  constructor(
    value: T,
    private readonly close: (value: T) => void,
  ) {
    this.generation = { value, users: 0, retired: false };
  }

  get current(): T {
    return this.generation.value;
  }

  lease(): Lease<T> {
    const generation = this.generation;
    generation.users++;
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      generation.users--;
      this.closeIfUnused(generation);
    };
    return { value: generation.value, release };
  }

  replace(value: T): void {
    const before = this.generation;
    this.generation = { value, users: 0, retired: false };
    before.retired = true;
    this.closeIfUnused(before);
  }

  private closeIfUnused({ retired, users, value }: Generation<T>): void {
    if (retired && users === 0) this.close(value);
  }
}
