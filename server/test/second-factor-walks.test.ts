import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { UserRecord } from '../src/modules/users/user-store.ts';
import { after, DAY, SECOND } from '../src/platform/clock.ts';
import { appCode } from './authenticator.ts';
import { type Scene, withScene } from './scenario.ts';
import { openSignInLab, type SignInLab } from './sign-in-lab.ts';

/** More where it is worth the time. */
const WALKS = Number(process.env.WALKS || 40);
const PEOPLE = 3;

/** What the test knows of a person, beside the server. */
interface Walker {
  user: UserRecord;
  /** Secrets of apps that were added, and their time steps that were used. */
  apps: { secret: string; usedUpTo: number }[];
  recoveryCodes: string[];
}

/** What the test has seen proved in one sign-in; tokens that follow from it name it. */
interface Line {
  owner: Walker;
  first: 'password' | 'email' | 'passkey';
  second: boolean;
  later: boolean;
  done: boolean;
  begun: number;
}

interface Known {
  token: string;
  line: Line;
}
interface Enrolment {
  enrollToken: string;
  secret: string;
  line: Line;
}

const pick = <T>(all: readonly T[], index: number): T | undefined => all[index % Math.max(1, all.length)];
const stepAt = (s: Scene) => Math.floor(s.time.now.getTime() / 30_000);

/** One action of a walk: its kind, and numbers that choose what it is done with. */
const action = fc.record({
  kind: fc.constantFrom(
    ...['enter', 'enter', 'code', 'code', 'code', 'recovery', 'enroll', 'begin', 'begin', 'later', 'empty', 'forged'],
    ...['crossed', 'both', 'tick', 'policy', 'old'],
  ),
  a: fc.nat(50),
  b: fc.nat(50),
  c: fc.nat(50),
});
type Action = typeof action extends fc.Arbitrary<infer One> ? One : never;

/** Walks as an attacker and an owner at once would, and checks every session that begins. */
async function walk(s: Scene, lab: SignInLab, actions: readonly Action[]): Promise<number> {
  const people: Walker[] = [];
  for (let i = 0; i < PEOPLE; i++) people.push({ user: await lab.newUser(), apps: [], recoveryCodes: [] });
  Object.assign(lab.policy, { mfa: 'off', mfaGraceUntil: null, trusted: false });
  const tokens: Known[] = [];
  const enrolments: Enrolment[] = [];
  let sessions = 0;

  /** The invariant: a session has every proof that was demanded, given in this flow, by this person. */
  function assertDeserved(line: Line, what: string): void {
    sessions += 1;
    assert.equal(line.done, false, `${what}: the flow was used before`);
    assert.ok(s.time.now.getTime() - line.begun < 600_000, `${what}: the flow had ended`);
    const { apps } = line.owner;
    if (apps.length > 0 && line.first !== 'passkey') assert.ok(line.second, `${what}: without the second factor`);
    const { mfa, mfaGraceUntil } = lab.policy;
    const inGrace = mfaGraceUntil !== null && mfaGraceUntil > s.time.now;
    if (mfa === 'required' && apps.length === 0) assert.ok(inGrace && line.later, `${what}: without enrolment`);
    line.done = true;
  }

  const appsOf = async ({ user }: Walker) => (await lab.factors.records.held(user)).totp.length;
  /** What was used up of somebody's codes so far, as the stores have it. */
  async function usesOf({ user }: Walker): Promise<string> {
    const { totp, recovery } = await lab.factors.records.held(user);
    return JSON.stringify([totp.map(({ lastStep }) => lastStep), recovery?.hashes.length]);
  }

  /** Sends a step, with what the test itself judges of it: whether it proves the second factor of the line's owner, or puts it off. */
  async function send(known: Known, body: object, judged: { proves?: () => boolean; later?: true; adds?: Enrolment }) {
    const { line } = known;
    const [before, apps] = [await usesOf(line.owner), await appsOf(line.owner)];
    const { status, body: answer } = await lab.post('/auth/complete-step', {
      tokenTransport: 'body',
      flowToken: known.token,
      ...body,
    });
    const what = JSON.stringify({ body, answer: answer.code ?? status });
    assert.ok(status < 500, what);
    if (status >= 400 && answer.code !== 'step_required') return;
    const next: Line = { ...line, later: line.later || judged.later === true };
    if ((await appsOf(line.owner)) > apps) {
      const { adds } = judged;
      assert.equal(adds?.line.owner, line.owner, `${what}: an enrolment of somebody else`);
      assert.equal(apps, 0, `${what}: a second app without a proof of the first`);
      line.owner.apps.push({ secret: adds?.secret ?? '', usedUpTo: stepAt(s) });
      line.owner.recoveryCodes.push(...(answer.recoveryCodes ?? []));
      next.second = true;
    } else if (judged.proves && (await usesOf(line.owner)) !== before) {
      assert.ok(judged.proves(), `${what}: a wrong code was used up`);
      next.second = true;
    }
    if (status === 200) {
      assert.equal(answer.user.id, line.owner.user.id, `${what}: as somebody else`);
      // What was given for an earlier token of the same line stays given.
      assertDeserved({ ...next, done: line.done }, what);
      line.done = true;
    } else tokens.push({ token: answer.flowToken, line: next });
  }

  for (const { kind, a, b, c } of actions) {
    const known = pick(tokens, tokens.length - 1 - (a % 4) + 4 * tokens.length);
    const other = pick(people, b);
    if (kind === 'enter' && other) {
      const first = (['password', 'password', 'email', 'passkey'] as const)[c % 4] ?? 'password';
      const line: Line = { owner: other, first, second: false, later: false, done: false, begun: s.time.now.getTime() };
      const { session, problem } = await lab.enter(other.user, [first]);
      if (session) assertDeserved(line, `a sign-in by ${first}`);
      else tokens.push({ token: (problem as unknown as { flowToken: string }).flowToken, line });
    }
    if (kind === 'tick') s.time.forward((c % 3 === 0 ? 31 : 7) * SECOND);
    if (kind === 'policy') {
      lab.policy.mfa = c % 2 ? 'required' : 'off';
      lab.policy.mfaGraceUntil = b % 2 ? after(s.time.now, DAY) : null;
    }
    if (!known || !other) continue;
    const appOf = (walker: Walker) => pick(walker.apps, c);
    if (kind === 'code' || kind === 'crossed' || kind === 'old') {
      const app = appOf(kind === 'crossed' ? other : known.line.owner) ?? appOf(other);
      if (!app) continue;
      const steps = kind === 'old' ? -1 - (c % 3) : (c % 3) - 1;
      const step = stepAt(s) + steps;
      const isOwn = known.line.owner.apps.includes(app);
      const proves = () => {
        const isRight = isOwn && Math.abs(steps) <= 1 && step > app.usedUpTo;
        if (isRight) app.usedUpTo = step;
        return isRight;
      };
      await send(known, { code: appCode(app.secret, s.time.now, steps) }, { proves });
    }
    if (kind === 'recovery') {
      const code = pick(other.recoveryCodes, c);
      if (code === undefined) continue;
      const proves = () => {
        const index = known.line.owner.recoveryCodes.indexOf(code);
        if (index >= 0) known.line.owner.recoveryCodes.splice(index, 1);
        return index >= 0;
      };
      await send(known, { recoveryCode: code }, { proves });
    }
    if (kind === 'begin') {
      const { status, body } = await lab.post('/auth/flow/options', { flowToken: known.token, method: 'totp' });
      if (status === 200) enrolments.push({ ...body, line: known.line });
    }
    if (kind === 'enroll') {
      const adds = pick(enrolments, enrolments.length - 1 - (b % 3) + 3 * enrolments.length);
      if (!adds) continue;
      // At the step `mfa`, it is the code of an app that has this secret.
      const app = known.line.owner.apps.find(({ secret }) => secret === adds.secret);
      const proves = () => {
        const isRight = app !== undefined && stepAt(s) > app.usedUpTo;
        if (app && isRight) app.usedUpTo = stepAt(s);
        return isRight;
      };
      const body = { enrollToken: adds.enrollToken, code: appCode(adds.secret, s.time.now) };
      await send(known, body, { proves, adds });
    }
    if (kind === 'later') await send(known, { later: true }, { later: true });
    if (kind === 'empty')
      await send(known, pick([{}, { code: '' }, { recoveryCode: '' }, { enrollToken: 'x', code: '' }], c) ?? {}, {});
    if (kind === 'both') await send(known, { code: '000000', recoveryCode: 'x', later: true }, { later: true });
    if (kind === 'forged') {
      const { token } = known;
      const at = 9 + (c % (token.length - 9));
      const forged = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      const { status } = await lab.post('/auth/complete-step', { flowToken: forged, code: '000000', later: true });
      assert.equal(status, 400, 'a token that was altered');
    }
  }
  // Sessions that the walk did not see begin would be sessions without a check.
  let stored = 0;
  for (const { user } of people) stored += (await s.app.storage.sessions.listLatest(user.id, 1000)).length;
  assert.equal(stored, sessions);
  return sessions;
}

test('whatever is sent in whatever order: a session has every proof that was demanded, given in its flow by its person', (t) =>
  withScene(async (s) => {
    const lab = await openSignInLab(t, s);
    let sessions = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 60 }), async (actions) => {
        sessions += await walk(s, lab, actions);
      }),
      { seed: 15, numRuns: WALKS, endOnFailure: true },
    );
    t.diagnostic(`${WALKS} walks began ${sessions} sessions`);
    assert.ok(sessions > WALKS);
  }));
