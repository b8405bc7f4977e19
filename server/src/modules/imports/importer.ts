import type { Clock } from '../../platform/clock.ts';
import { SYSTEM_CALLER } from '../../platform/http/system-caller.ts';
import { newId } from '../../platform/ids.ts';
import type { Events } from '../events/events.ts';
import type { UserNames, UserRecord } from '../users/user-store.ts';
import { type Counts, countName, countTold, type Told } from './counts.ts';
import type { ImportStore } from './import-store.ts';
import { ImportFailed, type Position, type Source, type SourceRow } from './imported-person.ts';
import { namesOf, planBatch, UNDER_WAY_ID } from './plan-batch.ts';
import { type PreparedPerson, preparePerson, type Rules } from './prepare-person.ts';
import { openProgress } from './progress.ts';
import type { ImportedUsers } from './trial-store.ts';

export interface ImportOptions {
  source: Source;
  rules: Rules;
  /** Rows of a batch; each batch is one transaction. */
  batchSize?: number;
  /** Begins at the first row, also where an earlier run stopped in between. */
  fromStart?: boolean;
  /** Called after each batch. */
  onProgress?: (counts: Counts) => void;
  /** Called for everybody who was skipped, and for what was left out of others. */
  onTold?: (told: { kind: Told; place: string }) => void;
}

/** Enough to share the price of a commit, little enough that one statement stays far below its time limit. */
const BATCH = 1000;
/** Batches that are under way: while the database inserts one, the next one is read and checked. */
const UNDER_WAY = 2;
/** A registration may take a name between a look and the insertion; each further plan sees it. */
const PLANS = 5;

/** A person who can be made, and where the source has them. */
interface Candidate {
  place: string;
  person: PreparedPerson;
}

/** What is told of a batch once it is done; counts change only then, so that what is kept is true at any moment. */
type Outcome = (
  | { kind: 'told'; told: Told; place: string }
  | { kind: 'present' }
  | { kind: 'made'; candidate: Candidate; leftOut: readonly Told[] }
)[];

interface Batch {
  rows: number;
  /** After it, the source is read on. */
  position: Position;
  candidates: Candidate[];
  /** Of the rows that are no candidates. */
  outcome: Outcome;
}

interface Running {
  batch: Batch;
  ids: readonly string[];
  /** The names that it takes, once that is decided. */
  names: Promise<UserNames[]>;
  done: Promise<Outcome>;
}

/**
 * Imports the people of a source, batch after batch, and returns what it did: `await runImport(deps, { source, rules })`. An account is made
 * at most once for each id of the source, by the unique external id; what is kept of the progress only saves work, and counts. It may be killed at
 * any time, and run again. Throws `ImportFailed` where another process goes on with the same import.
 */
export async function runImport(
  deps: {
    users: ImportedUsers;
    /** Null: nothing is kept, for a dry run. */
    store: ImportStore | null;
    draft: (id: string, fields: Partial<UserRecord>) => UserRecord;
    events: Events;
    clock: Clock;
  },
  { source, rules, batchSize = BATCH, fromStart = false, onProgress, onTold }: ImportOptions,
): Promise<Counts> {
  const { users, draft, events, clock } = deps;
  const { fingerprint } = source;
  const progress = await openProgress(deps, { name: rules.name, fingerprint, fromStart, underWay: UNDER_WAY });
  const { counts } = progress;
  const running: Running[] = [];

  /** Decides on the people of a batch, and inserts those who can be made. */
  async function make(
    candidates: readonly Candidate[],
    ids: readonly string[],
    { plan, before, decided }: { plan: number; before: readonly Running[]; decided: (names: UserNames[]) => void },
  ): Promise<Outcome> {
    const wanted = candidates.map(({ person }) => person);
    const others = (await Promise.all(before.map(({ names }) => names))).flat();
    // Whoever is here comes last, and decides what is told.
    const decisions = planBatch(wanted, [...others, ...(await users.findNamed(namesOf(wanted)))], rules.name);
    const outcome: Outcome = [];
    const making: { candidate: Candidate; user: UserRecord; leftOut: readonly Told[] }[] = [];
    for (const [i, candidate] of candidates.entries()) {
      const { place, person } = candidate;
      const decision = decisions[i];
      if (decision?.kind === 'skip') outcome.push({ kind: 'told', told: decision.told, place });
      else if (decision?.kind === 'present') outcome.push(presentOrOurs(candidate, decision.user));
      else if (decision?.kind === 'make') {
        const { withoutUsername: lack } = decision;
        const none = lack && { username: null, usernameKey: null };
        const user = draft(ids[i] ?? newId(clock()), { ...person.fields, ...none });
        making.push({ candidate, user, leftOut: lack ? [...person.leftOut, lack] : person.leftOut });
      }
    }
    decided(
      making.map(({ user: { emailNorm, username, usernameKey, externalId } }) => {
        return { id: UNDER_WAY_ID, emailNorm, username, usernameKey, externalId };
      }),
    );
    return finish(making, outcome, plan);
  }

  async function finish(
    making: readonly { candidate: Candidate; user: UserRecord; leftOut: readonly Told[] }[],
    outcome: Outcome,
    plan: number,
  ): Promise<Outcome> {
    const people = making.map(({ candidate, user }) => ({ user, event: describe(candidate, user) }));
    const inserted = new Set(await users.insertMany(people));
    const lost: Candidate[] = [];
    for (const { candidate, user, leftOut } of making) {
      if (inserted.has(user.id)) outcome.push({ kind: 'made', candidate, leftOut });
      else lost.push(candidate);
    }
    if (lost.length === 0) return outcome;
    if (plan === PLANS) {
      throw new ImportFailed(`Names were taken ${PLANS} times while they were being imported; run it again.`);
    }
    // What the batches under way take is left to the database now, for this one is among them.
    const again = await make(lost, [], { plan: plan + 1, before: [], decided() {} });
    return [...outcome, ...again];
  }

  /** An account of this source that is here: of an earlier run, or of the batch in which that was killed. */
  function presentOrOurs(candidate: Candidate, user: UserNames): Outcome[number] {
    if (!progress.isRecovered(user.id)) return { kind: 'present' };
    const { leftOut, fields } = candidate.person;
    const lacksName = user.username === null && fields.username !== null;
    return { kind: 'made', candidate, leftOut: lacksName ? [...leftOut, 'username_taken'] : leftOut };
  }

  const describe = ({ person: { family, fields } }: Candidate, { id }: UserRecord) =>
    events.describe(SYSTEM_CALLER, {
      type: 'user.imported',
      target: `user:${id}`,
      userId: id,
      data: { source: rules.name, externalId: fields.externalId, passwordFormat: family },
    });

  function tell(kind: Told, place: string): void {
    countTold(counts, kind, place);
    onTold?.({ kind, place });
  }

  function count(one: Outcome[number]): void {
    if (one.kind === 'told') tell(one.told, one.place);
    else if (one.kind === 'present') counts.present += 1;
    else {
      const { family, unknownHash, unknownRoles } = one.candidate.person;
      counts.made += 1;
      if (family !== null) countName(counts.hashes, family);
      if (unknownHash !== null) countName(counts.unknownHashes, unknownHash);
      for (const role of unknownRoles) countName(counts.unknownRoles, role);
      for (const kind of one.leftOut) tell(kind, one.candidate.place);
    }
  }

  /** Waits for the earliest batch, and counts what it did. */
  async function settle(): Promise<void> {
    const [first] = running;
    if (!first) return;
    const outcome = await first.done;
    running.shift();
    counts.read += first.batch.rows;
    for (const one of [...first.batch.outcome, ...outcome]) count(one);
    progress.done(first.batch.position);
    onProgress?.(counts);
  }

  try {
    for await (const batch of batchesOf(source.rows(progress.position), { size: batchSize, rules })) {
      while (running.length >= UNDER_WAY) await settle();
      const ids = batch.candidates.map(() => newId(clock()));
      await progress.intend([...running.flatMap((one) => one.ids), ...ids]);
      const { promise: names, resolve: decided } = Promise.withResolvers<UserNames[]>();
      const done = make(batch.candidates, ids, { plan: 1, before: [...running], decided });
      // Whoever waits for it hears of a failure; the next one must not wait for its names.
      done.catch(() => decided([]));
      running.push({ batch, ids, names, done });
    }
    while (running.length > 0) await settle();
  } finally {
    await Promise.allSettled(running.map(({ done }) => done));
  }
  await progress.finish();
  return counts;
}

/** Rows in batches, each of them checked by itself. */
async function* batchesOf(
  rows: AsyncIterable<SourceRow>,
  { size, rules }: { size: number; rules: Rules },
): AsyncGenerator<Batch> {
  const begin = (): Batch => ({ rows: 0, position: 0, candidates: [], outcome: [] });
  let batch = begin();
  for await (const row of rows) {
    const { place, position } = row;
    batch.rows += 1;
    batch.position = position;
    if ('fault' in row) batch.outcome.push({ kind: 'told', told: 'unreadable', place: `${place}: ${row.fault}` });
    else {
      const person = preparePerson(row.person, rules);
      if ('skipped' in person) batch.outcome.push({ kind: 'told', told: person.skipped, place });
      else batch.candidates.push({ place, person });
    }
    if (batch.rows < size) continue;
    yield batch;
    batch = begin();
  }
  if (batch.rows > 0) yield batch;
}
