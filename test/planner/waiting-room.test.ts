import assert from 'node:assert/strict';
import { type Waiting, WaitingRoom, patientShare, lead } from '../../src/planner/waiting-room.js';
import { random } from '../../src/training/random.js';

interface Request extends Waiting {
  readonly name: string;
}

const request = (name: string, deadline: number, client = 'c'): Request => ({ name, deadline, client });
const never = () => false;

/** Takes everything out, each turn taking `ms`. */
function drain(room: WaitingRoom<Request>, isLate: (r: Request) => boolean = never, ms = 0): string[] {
  const order: string[] = [];
  for (let turn = room.next(isLate); turn; turn = room.next(isLate)) {
    order.push(turn.entry.name);
    room.done(turn.entry, ms);
  }
  return order;
}

const roomOf = (requests: readonly Request[], capacity = 100, isLate: (r: Request) => boolean = never) => {
  const room = new WaitingRoom<Request>(capacity);
  const lost = requests.map(r => room.add(r, isLate)?.name);
  return { room, lost };
};

describe('WaitingRoom', () => {
  it('lets the earliest deadline go first, equal ones in order of arrival', () => {
    const { room } = roomOf([request('b', 20), request('d', 30), request('a', 10), request('c', 20)]);
    assert.deepEqual(drain(room), ['a', 'b', 'c', 'd']);
  });

  it('says who waits on and can be in time', () => {
    const { room } = roomOf([request('b', 20), request('late', 1), request('a', 10), request('c', 30)]);
    const turn = room.next(r => r.name === 'late')!;
    assert.deepEqual([turn.entry.name, ...turn.others.map(r => r.name)], ['a', 'b', 'c']);
  });

  it('does not let the late hold up the others, and serves them in order of arrival', () => {
    const { room } = roomOf([
      request('y', 2),
      request('b', 20),
      request('x', 1),
      request('a', 10),
      request('z', Infinity),
    ]);
    assert.deepEqual(
      drain(room, r => r.deadline < 5, 1),
      ['a', 'b', 'z', 'y', 'x'],
    );
  });

  it('gives those without a deadline one slot at a time, if asked to, and turns to the others meanwhile', () => {
    const { room } = roomOf([request('x', Infinity), request('y', Infinity), request('late', 1), request('a', 10)]);
    const isLate = ({ name }: Request) => name === 'late';
    const turns = ['a', 'x', 'late'].map(name => {
      const turn = room.next(isLate, true)!;
      assert.equal(turn.entry.name, name);
      return turn;
    });
    assert.equal(room.next(isLate, true), undefined);
    room.done(turns[1]!.entry, 1);
    assert.equal(room.next(isLate, true)!.entry.name, 'y');
    const { room: free } = roomOf([request('x', Infinity), request('y', Infinity)]);
    assert.deepEqual([free.next(never)!.entry.name, free.next(never)!.entry.name], ['x', 'y']);
  });

  it("gives requests without a deadline their client's part, and a share beside their own client's deadlines", () => {
    for (const [client, most] of [
      ['other', lead + 40],
      ['c', lead / patientShare],
    ] as const) {
      const { room } = roomOf([request('patient', Infinity, client)]);
      let had = 0;
      for (let i = 0, name = ''; name !== 'patient'; i++) {
        room.add(request('live', i), never);
        const { entry } = room.next(never)!;
        room.done(entry, 10);
        name = entry.name;
        had += 10;
        assert.ok(had <= most, `${had} ms of others first`);
      }
    }
  });

  it('gives those without a deadline one slot of theirs at a time, not all', () => {
    const { room } = roomOf([request('one', Infinity), request('two', Infinity)]);
    const inService: Request[] = [];
    while (!inService.some(({ name }) => name === 'one')) {
      room.add(request('live', 1), never);
      const { entry } = room.next(never)!;
      if (entry.name === 'live') room.done(entry, 10);
      else inService.push(entry);
    }
    room.add(request('live', 1), never);
    assert.equal(room.next(never)!.entry.name, 'live'); // 'two' waits until 'one' has left its slot
  });

  it('does not charge those without a deadline for turns that nobody else wanted', () => {
    const { room } = roomOf(Array.from({ length: 50 }, (_, i) => request(`${i}`, Infinity)));
    drain(room, never, 100);
    const isLate = (r: Request) => r.name === 'late';
    room.add(request('late', 0), isLate);
    let turns = 0;
    for (let name = ''; name !== 'late'; turns++) {
      room.add(request('live', 1e6 + turns), isLate);
      const { entry } = room.next(isLate)!;
      room.done(entry, 10);
      name = entry.name;
    }
    assert.ok(turns <= lead / 10 + 1, `${turns} turns`);
  });

  it('gives the late their share of the time, and no more, however many others come', () => {
    const isLate = (r: Request) => r.deadline < 0;
    const { room } = roomOf(Array.from({ length: 40 }, (_, i) => request(`late${i}`, -1)));
    const had = { late: 0, live: 0 };
    let late = 0;
    for (let i = 0; i < 10_000; i++) {
      room.add(request('live', i), isLate);
      const { entry } = room.next(isLate)!;
      const ms = isLate(entry) ? 40 : 10;
      if (isLate(entry)) assert.equal(entry.name, `late${late++}`);
      had[isLate(entry) ? 'late' : 'live'] += ms;
      room.done(entry, ms);
      if (late < 40) assert.ok(had.late <= patientShare * (had.late + had.live) + 40);
      if (late < 40)
        assert.ok(had.live <= (1 / patientShare - 1) * had.late + 2 * lead, `${had.live} before late${late}`);
    }
    assert.equal(late, 40);
  });

  it('bounds how far a client gets ahead of another who waits, whatever its deadlines', () => {
    const { room } = roomOf(Array.from({ length: 99 }, (_, i) => request('greedy', i, 'greedy')));
    const had = { greedy: 0, modest: 0 };
    const ms = 20;
    for (let i = 0; i < 300; i++) {
      if (i === 30) for (let j = 0; j < 40; j++) room.add(request('modest', 1e6 + j, 'modest'), never);
      if (i >= 30) {
        room.add(request('greedy', i, 'greedy'), never);
        room.add(request('modest', 1e6 + i, 'modest'), never);
      }
      const { entry } = room.next(never)!;
      room.done(entry, ms);
      if (i >= 30) had[entry.client as keyof typeof had] += ms;
      assert.ok(had.greedy - had.modest <= lead + ms, `greedy is ${had.greedy - had.modest} ms ahead`);
    }
    assert.ok(had.modest > 0.45 * (had.greedy + had.modest), JSON.stringify(had));
  });

  it('gives a newcomer no claim on the past', () => {
    const { room } = roomOf(Array.from({ length: 60 }, (_, i) => request('old', i, 'old')));
    for (let i = 0; i < 50; i++) room.done(room.next(never)!.entry, 100); // 5 s for the old one alone
    for (let i = 0; i < 20; i++) room.add(request('new', 1000 + i, 'new'), never);
    const order = drain(room, never, 100);
    assert.ok(order.slice(0, 6).includes('old'), order.join());
  });

  it('gives one who was away no claim on that time', () => {
    const { room } = roomOf([request('away', 0, 'away'), request('here', 0, 'here')]);
    drain(room, never, 100);
    for (let i = 0; i < 50; i++) room.add(request('here', i, 'here'), never);
    for (let i = 0; i < 40; i++) room.done(room.next(never)!.entry, 100); // 4 s without the other
    for (let i = 0; i < 20; i++) room.add(request('away', 1000 + i, 'away'), never);
    assert.ok(drain(room, never, 100).slice(0, 6).includes('here'));
  });

  it('takes the place of whoever has most waiting when it is full', () => {
    const crowd = [request('g1', 1, 'g'), request('g3', 3, 'g'), request('g2', 2, 'g')];
    assert.deepEqual(roomOf([...crowd, request('m1', 9, 'm')], 3).lost, [undefined, undefined, undefined, 'g3']);
    assert.deepEqual(roomOf([...crowd, request('g0', 0, 'g')], 3).lost.at(-1), 'g3'); // its own, the last to be due
    assert.deepEqual(roomOf([...crowd, request('g4', 4, 'g')], 3).lost.at(-1), 'g4'); // itself
    const isLate = (r: Request) => r.name === 'g1';
    assert.deepEqual(roomOf([...crowd, request('m1', 9, 'm')], 3, isLate).lost.at(-1), 'g1'); // late already
  });

  it('serves everyone once, whatever comes', () => {
    for (let seed = 0; seed < 20; seed++) {
      const draw = random(seed);
      const room = new WaitingRoom<Request>(30);
      const due = new Set<string>();
      const isLate = (r: Request) => Number(r.name) % 5 === 0;
      for (let i = 0; i < 400; i++) {
        if (draw.next() < 0.5) {
          due.add(String(i));
          const lost = room.add(request(String(i), draw.below(1000), `c${draw.below(5)}`), isLate);
          if (lost) assert.ok(due.delete(lost.name));
        } else {
          const turn = room.next(isLate);
          if (turn) {
            assert.ok(due.delete(turn.entry.name));
            room.done(turn.entry, draw.below(40));
          }
        }
        assert.equal(room.size, due.size);
        assert.ok(room.size <= 30);
      }
      for (const name of drain(room, isLate, 5)) assert.ok(due.delete(name));
      assert.equal(due.size, 0);
    }
  });
});
