/** Decides for one request: puts prediction, policy and headroom together. Knows nothing of queues. */
import { ArrivalRate } from './arrival-rate.js';
import type { Decision } from './decision.js';
import type { PointProfile } from './frontier.js';
import { Headroom } from './headroom.js';
import type { FollowUp, LatencyModel, PictureFacts, Prediction, ServiceTimes } from './latency.js';
import { PlannedShare } from './planned-share.js';
import { Probes } from './probes.js';
import {
  type Limits,
  type PricedPoint,
  type Wish,
  allowance,
  backlog,
  choose,
  firstWith,
  ordered,
  pace,
} from './policy.js';
import { UsualBudget } from './usual-budget.js';

/** What a request asks for. Times in milliseconds. */
export interface Demand extends Wish, PictureFacts {
  /** when the budget began to run, by the clock of whoever asks the planner */
  readonly arrivedAt: number;
  /** from arrival to the answer's first byte; none if undefined */
  readonly budgetMs?: number | undefined;
  /** the operating point, if the request names it */
  readonly at?: string | undefined;
  /** is it one of several that come together, for one answer? */
  readonly several?: boolean;
  /** a search by default */
  readonly followUp?: FollowUp | undefined;
}

/** What an operating point is taken to cost: a point of the frontier, and how many times its encoding. */
export interface Likeness {
  readonly point: number;
  readonly times: number;
  /** Does it compute in the same way, and nearly as much? Of others that is a guess, which their times must not correct. */
  readonly isClose: boolean;
}

/** The moment at which a request gets a slot. */
export interface Moment {
  readonly now: number;
  /** when the request began to want a slot: later than it arrived if its picture had to be fetched */
  readonly asked: number;
  /** requests being served, this one included */
  readonly busy: number;
  readonly slots: number;
  /** slacks of those who wait on and can be in time, ascending, milliseconds */
  readonly others: readonly number[];
  /** did this one wait for it? */
  readonly waited: boolean;
  /** as `Planner.inReach` said when it asked */
  readonly inReach: boolean;
}

/** of a point of the frontier */
const itself = { times: 1, isClose: true } as const;

export class Planner {
  private room = new Headroom();
  private share = new PlannedShare();
  private arrivals = new ArrivalRate();
  private budgets = new UsualBudget();
  /** each has to leave room for an answer that is predicted by itself */
  private readonly probes: Readonly<Record<FollowUp, Probes>> = {
    search: new Probes(),
    elaborate: new Probes(),
    none: new Probes(),
  };
  private readonly fidelities: readonly number[];

  /**
   * @param points the frontier, cheapest first: the same that the latency model has
   * @param likenessOf a point that is not among them
   */
  constructor(
    readonly points: readonly PointProfile[],
    readonly latency: LatencyModel,
    private readonly likenessOf: (at: string) => Likeness = () => ({ point: points.length - 1, ...itself }),
  ) {
    this.fidelities = points.map(point => point.fidelity.rbo);
  }

  get headroom(): Headroom {
    return this.room;
  }

  /** May a request have all cores? Where requests overlap they are done sooner with one each. */
  isAlone(busy: number, { several = false }: Pick<Demand, 'several'> = {}): boolean {
    return busy === 1 && !several && !this.room.busy;
  }

  /** Had it a budget that can be met by what is foreseen as it comes, though all slots be busy? */
  inReach(demand: Demand, now: number, slots: number): boolean {
    return demand.budgetMs !== undefined && !this.lateness(now, slots)(demand);
  }

  /** A request came that will want a slot, whatever it asks for. @param budgetMs if it has one that is in reach */
  arrived(now: number, budgetMs?: number): void {
    this.arrivals.add(now);
    if (budgetMs !== undefined) this.budgets.add(now, budgetMs);
  }

  /** Should a slot be kept for requests with a budget, which have come of late? */
  expectsBudgets(now: number): boolean {
    return this.budgets.isExpected(now);
  }

  /** One that waited and was in reach had no answer. */
  missed(demand: Demand): void {
    if (tellsOfPlans(demand)) this.share.record(true);
  }

  /** Forgets how busy it has been, but not how long things take: after a warm-up, which is no load. */
  forgetLoad(): void {
    this.room = new Headroom();
    this.share = new PlannedShare();
    this.arrivals = new ArrivalRate();
    this.budgets = new UsualBudget();
  }

  /** Tells what is left for decoding and encoding, milliseconds. */
  slackAt(now: number): (demand: Demand) => number {
    const answers: Partial<Record<FollowUp, number>> = {};
    return ({ arrivedAt, budgetMs = Infinity, followUp = 'search' }) =>
      arrivedAt + budgetMs - now - (answers[followUp] ??= this.latency.answer(followUp).p95);
  }

  /** Tells which requests can no longer be in time, by what is predicted now. Without a budget they always can. */
  lateness(now: number, busy: number): (demand: Demand) => boolean {
    const slack = this.slackAt(now);
    return demand => demand.budgetMs !== undefined && slack(demand) < this.least(demand, busy);
  }

  /** Though it is late by what is predicted: is it time to see whether that still holds, and has it ever been in reach? */
  mayProbe(demand: Demand, now: number): boolean {
    const { arrivedAt, budgetMs = Infinity } = demand;
    const { point, times } = this.cheapest(demand);
    const { service, answer } = this.latency.whenFastest(point, { ...demand, times });
    return this.probesOf(demand).isTime(now) && service + answer <= arrivedAt + budgetMs - now;
  }

  /** @returns undefined to reject */
  decide(demand: Demand, moment: Moment): Decision | undefined {
    const { budgetMs, several = false } = demand;
    const { now, asked, busy, others } = moment;
    const slack = this.slackAt(now)(demand);
    const rate = this.arrivals.at(now, (budgetMs ?? Infinity) / 2, asked);
    const isAlone = this.isAlone(busy, demand);
    const priced = this.price(moment, demand, isAlone);
    const limits = this.limits(demand, moment, rate, slack, priced[0]!);
    const chosen = this.choose(demand, moment, priced, slack, limits) ?? this.probe(demand, moment);
    if (!chosen) return undefined;
    const { at, why } = chosen;
    const likeness = this.place(at);
    const alone = (isAlone || (why === 'probe' && !several)) && this.latency.isFasterAlone(likeness.point);
    const { decode, encode, service } = this.predict(likeness, busy, demand, alone);
    const fidelity = this.points.find(point => point.at === at)?.fidelity.rbo;
    return {
      at,
      why,
      alone,
      ...(fidelity !== undefined && { fidelity }),
      ...(budgetMs !== undefined && { budget: { ms: budgetMs, slackMs: slack, allowedMs: limits.p95 } }),
      waiting: others.length,
      rate: 1000 * rate,
      waitMs: now - asked,
      predicted: {
        decodeMs: decode.p50,
        encodeMs: encode.p50,
        serviceMs: service.p95,
        answerMs: this.latency.answer(demand.followUp).p95,
      },
    };
  }

  /** After it was served. @param moment when it got its slot @param now when it left it */
  learn(demand: Demand, decision: Decision, moment: Moment, now: number, actual: ServiceTimes): void {
    const { busy, others, waited, inReach } = moment;
    const { point, times, isClose } = this.place(decision.at);
    const { bytes, whole, minFidelity = 0 } = demand;
    if (isClose) this.latency.observe(point, busy, { bytes, whole, times, actual, predicted: decision.predicted });
    const company = waited || busy > 1 || others.length > 0;
    // what was given more than it was allowed, for want of anything cheaper, says nothing of the headroom
    const isAllowed = decision.budget !== undefined && decision.predicted.serviceMs <= decision.budget.allowedMs;
    const isTest = decision.why === 'fits' && isAllowed;
    // how long a picture takes that is decoded whole depends on what its bytes do not say: no plan would have been better
    const surprise = whole ? Math.max(0, actual.decodeMs - decision.predicted.decodeMs) : 0;
    const missed = this.slackAt(now)(demand) + surprise < 0;
    if (isTest) this.room.record(missed);
    const isForced = minFidelity > 0 && decision.why === 'fits' && !isAllowed;
    if (company && inReach && tellsOfPlans(demand) && !isForced) this.share.record(missed);
    this.room.served(company);
    const probes = this.probesOf(demand);
    if (decision.why === 'probe')
      probes.ended(now, demand.arrivedAt + demand.budgetMs! - now >= this.latency.whenFastest(0, demand).answer);
    else probes.served(now);
  }

  /** A probe came to nothing: its picture cannot be decoded, or its client has gone. */
  probeFailed(demand: Demand): void {
    this.probesOf(demand).failed();
  }

  private choose(
    demand: Demand,
    { busy }: Moment,
    priced: readonly PricedPoint[],
    slack: number,
    limits: Limits,
  ): Pick<Decision, 'at' | 'why'> | undefined {
    const { at, budgetMs, onMiss, minFidelity } = demand;
    if (at !== undefined) {
      const isLate = onMiss === 'reject' && this.least(demand, busy) > slack;
      return isLate ? undefined : { at, why: 'fixed' };
    }
    if (budgetMs === undefined) return { at: this.points.at(-1)!.at, why: 'no budget' };
    const choice = choose(priced, slack, { onMiss, minFidelity }, limits);
    return choice && { at: this.points[choice.point]!.at, why: choice.why };
  }

  /** Whoever is served already will tell as well. */
  private probe(demand: Demand, { now, busy }: Moment): Pick<Decision, 'at' | 'why'> | undefined {
    if (busy > 1 || !this.mayProbe(demand, now)) return undefined;
    this.probesOf(demand).begin(now);
    return { at: demand.at ?? this.points[this.cheapest(demand).point]!.at, why: 'probe' };
  }

  private price({ busy, slots }: Moment, picture: PictureFacts, alone: boolean): PricedPoint[] {
    const { latency } = this;
    const own = { bytes: picture.bytes, whole: picture.whole, alone };
    return ordered(
      this.fidelities.map((fidelity, i) => ({
        fidelity,
        p95: latency.predict(i, busy, own).service.p95,
        work: latency.predict(i, slots, picture).service.p50,
      })),
    );
  }

  /** p95 of whatever would do for it and takes least. */
  private least(demand: Demand, busy: number): number {
    const { at, bytes, whole } = demand;
    const isAlone = this.isAlone(busy, demand);
    const cheapest = this.cheapest(demand);
    const { p95 } = this.predict(cheapest, busy, demand, isAlone).service;
    if (at !== undefined || !isAlone) return p95;
    // on all cores a more faithful point can take less than one that has a single core
    const onAll = { bytes, whole, alone: true };
    const p95Of = (_: PointProfile, point: number) => this.latency.predict(point, busy, onAll).service.p95;
    return Math.min(...this.points.map(p95Of).slice(cheapest.point));
  }

  /** Those to come are taken to have as much time as nearly all have of late, and no more than this one. */
  private limits(
    { budgetMs = Infinity, followUp }: Demand,
    { slots, others }: Moment,
    rate: number,
    slack: number,
    cheapest: PricedPoint,
  ): Limits {
    const { factor, own, busy } = this.room;
    const p95 = Math.min(slack / own, allowance(others, slots) / factor);
    if (!busy) return { p95, work: Infinity, spare: Infinity };
    const theirs = Math.min(budgetMs, this.budgets.value) - this.latency.answer(followUp).p95;
    return {
      p95,
      work: pace(rate, slots, this.share.value),
      spare: (theirs - backlog(rate, factor * cheapest.work, slots)) / factor - cheapest.p95,
    };
  }

  /** The least that would do for it, whatever comes of its fidelity if it lets that go. */
  private cheapest({ at, onMiss, minFidelity = 0 }: Demand): Likeness {
    if (at !== undefined) return this.place(at);
    return {
      point: minFidelity === 0 || onMiss === 'degrade' ? 0 : firstWith(this.fidelities, minFidelity),
      ...itself,
    };
  }

  private probesOf({ followUp = 'search' }: Demand): Probes {
    return this.probes[followUp];
  }

  private place(at: string): Likeness {
    const point = this.points.findIndex(point => point.at === at);
    return point < 0 ? this.likenessOf(at) : { point, ...itself };
  }

  private predict({ point, times }: Likeness, busy: number, picture: PictureFacts, alone: boolean): Prediction {
    const { bytes, whole } = picture;
    return this.latency.predict(point, busy, { bytes, whole, times, alone });
  }
}

/** Would less of a plan have helped it? Its point is the planner's to choose, and it is not one of several that come at once. */
function tellsOfPlans({ at, several = false, minFidelity = 0, onMiss }: Demand): boolean {
  return at === undefined && !several && (minFidelity === 0 || onMiss === 'degrade');
}
