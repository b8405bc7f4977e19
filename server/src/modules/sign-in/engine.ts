import { after, type Clock, SECOND } from '../../platform/clock.ts';
import { type AppError, platformErrors } from '../../platform/errors.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { newId } from '../../platform/ids.ts';
import { authErrors } from '../auth/errors.ts';
import type { Guessing } from '../guessing/guessing.ts';
import type { PresentedRefreshToken } from '../sessions/client-binding.ts';
import { sessionErrors } from '../sessions/errors.ts';
import { FIRST_PARTY, latestProofs } from '../sessions/names.ts';
import type { Proof, SessionRecord } from '../sessions/session-store.ts';
import type { Sessions, SignedIn } from '../sessions/sessions.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { Assured } from './assurance.ts';
import { decide, type Facts, type StepName, type Verdict } from './decide.ts';
import { signInErrors } from './errors.ts';
import { epochsOf, FLOW_TTL, type Flow, type FlowTokens, stillStands } from './flow-token.ts';
import type { Step, StepFlow, StepView } from './step.ts';

/** A waiting sign-in, for the page that shows it. */
export interface FlowView extends StepView {
  step: StepName;
  /** Seconds. */
  expiresIn: number;
}

/** The first proof of a sign-in. */
export interface Entry {
  /**
   * Id of the one-time thing that was proved, such as a challenge or a mailed code: the session takes it, so that its insert uses the thing
   * up. Without it, the proof is used up elsewhere.
   */
  id?: string;
  /** As read before the proof. If the user's sessions were ended since, the new session is not live. */
  user: UserRecord;
  proofs: readonly Proof[];
  /** The error if the account may not sign in. */
  refused: () => Error;
}

/** What a request brought for a step; each step takes its own. */
export type Fields = Readonly<Record<string, unknown>>;

/** The one door to a session: `const signedIn = await signIn.enter(caller, { user, proofs, refused: authErrors.code_invalid })`. */
export interface SignInEngine {
  /** Begins a session, for every way to sign in. Throws `refused`, or `step_required` with a flow token. */
  enter(caller: Caller, entry: Entry): Promise<SignedIn>;
  /** Continues a session by its refresh token. Throws `refresh_invalid`, or `step_required`; then session and token are unchanged. */
  refresh(caller: Caller, presented: PresentedRefreshToken): Promise<SignedIn>;
  /**
   * Issues a new, fresh access token after a further proof. Throws `unauthenticated`, `reauth_required` if the proofs are weaker than the
   * session or its account, and as `refresh` does.
   */
  reauthenticate(
    caller: Caller,
    actor: SessionActor,
    proofs: readonly Proof[],
  ): Promise<{ accessToken: string; expiresIn: number }>;
  /** The user of a genuine flow token that has not expired, or null. Costs no query. */
  userOf(flowToken: string): string | null;
  /** The user of a flow that waits for this step. Throws `token_invalid`. */
  waitingFor(step: string, flowToken: string): Promise<UserRecord>;
  /** The step that a flow waits for. Throws `token_invalid`. */
  flow(flowToken: string): Promise<FlowView>;
  /**
   * Prepares the step that a flow waits for by one of its options; `answer` null: it was mailed. Throws `token_invalid`, `rate_limited`, and
   * `validation_failed` if the step has no such method.
   */
  prepare(caller: Caller, flowToken: string, method: string): Promise<{ view: FlowView; answer: object | null }>;
  /**
   * Completes the step that a flow waits for. Throws `token_invalid`, `code_invalid`, `password_…`, `rate_limited`, `validation_failed` if
   * a field of the step is missing, and `step_required` for the next step.
   */
  completeStep(caller: Caller, flowToken: string, input: Fields): Promise<SignedIn>;
}

/** Composes `decide` with the steps. The facts of a flow are read again each time; a change of password or epochs voids the flow. */
export function createSignInEngine(deps: {
  userStore: UserStore;
  sessions: Sessions;
  guessing: Pick<Guessing, 'admitStep'>;
  flowTokens: FlowTokens;
  steps: Record<StepName, Step>;
  policy: Facts['policy'];
  clock: Clock;
}): SignInEngine {
  const { userStore, sessions, guessing, flowTokens, steps, policy, clock } = deps;

  /** Asynchronous, because facts may come from other stores than the user's, such as the factors of an account. */
  async function verdictOn(user: UserRecord, proofs: readonly Proof[], since: Date | null = null): Promise<Verdict> {
    // Password and mailed code together are one factor, because mail can reset the password.
    return decide({ account: { ...user, heldAal: 1 }, proofs, since, policy });
  }

  function viewOf(flow: Flow, user: UserRecord, step: StepName): FlowView {
    const left = flow.until.getTime() - clock().getTime();
    return { step, expiresIn: Math.ceil(left / SECOND), ...steps[step].view(user) };
  }

  function stepRequired(flow: Flow, user: UserRecord, step: StepName): AppError {
    const flowToken = flowTokens.issue(flow, step);
    return signInErrors.step_required({ members: { ...viewOf(flow, user, step), flowToken } });
  }

  /** Begins the step and returns `step_required`. The user is read again, because beginning may have mailed a code. */
  async function ask(caller: Caller, flow: Flow, user: UserRecord, step: StepName): Promise<AppError> {
    const { begin } = steps[step];
    // A session asks for its step at each refresh, so it mails nothing before the person asks for it.
    if (begin === undefined || flow.becomes === 'elevation') return stepRequired(flow, user, step);
    await begin(caller, user);
    return stepRequired(flow, (await userStore.find(user.id)) ?? user, step);
  }

  /** Refuses, asks for the next step, or signs in. */
  async function advance(caller: Caller, flow: Flow, refused: () => Error): Promise<SignedIn> {
    const user = await userStore.find(flow.userId);
    if (!user || !stillStands(flow, user)) throw refused();
    const verdict = await verdictOn(user, flow.proofs);
    if (verdict.kind === 'refuse') throw refused();
    if (verdict.kind === 'step') throw await ask(caller, flow, user, verdict.step);
    if (flow.becomes === 'elevation') {
      return sessions.elevate(caller, flow, flow.proofs, async ({ methods, authTime }, owner) => {
        const judged = await verdictOn(owner, methods, authTime);
        if (judged.kind !== 'done') throw refused();
        return judged;
      });
    }
    const { id, clientId, proofs: methods } = flow;
    const { aal, authTime } = verdict;
    const start = { id, clientId, epoch: flow.epochs.sessionEpoch, methods, aal, authTime };
    const signedIn = await sessions.start(caller, user, start);
    // Null: another request with the same flow was first, and its insert has used the flow up.
    if (!signedIn) throw refused();
    return signedIn;
  }

  function flowOf(user: UserRecord, fields: Pick<Flow, 'id' | 'becomes' | 'generation' | 'proofs'>): Flow {
    const { id: userId, passwordVersion } = user;
    const until = after(clock(), FLOW_TTL);
    return { ...fields, userId, clientId: FIRST_PARTY, passwordVersion, epochs: epochsOf(user), until };
  }

  /** Throws `step_required` if the session needs a step to continue, and `refresh_invalid` if it may not continue. */
  async function demandSteps(session: SessionRecord, user: UserRecord): Promise<Assured> {
    const { id, generation, methods: proofs, authTime } = session;
    const verdict = await verdictOn(user, proofs, authTime);
    if (verdict.kind === 'refuse') throw sessionErrors.refresh_invalid();
    if (verdict.kind === 'done') return verdict;
    throw stepRequired(flowOf(user, { id, becomes: 'elevation', generation, proofs }), user, verdict.step);
  }

  /** Reads a flow token and the facts of today. Throws `token_invalid` if the flow is void. */
  async function open(flowToken: string) {
    const opened = flowTokens.open(flowToken);
    const user = opened && (await userStore.find(opened.flow.userId));
    if (!user || !stillStands(opened.flow, user)) throw authErrors.token_invalid();
    const verdict = await verdictOn(user, opened.flow.proofs);
    if (verdict.kind === 'refuse') throw authErrors.token_invalid();
    const flow: Flow = { ...opened.flow, epochs: opened.flow.epochs ?? epochsOf(user) };
    return { flow, asked: opened.step, user, verdict };
  }

  /** Attempts are counted for the account, before the code is compared: neither a new flow nor a new code gives more of them. */
  async function complete(caller: Caller, flow: Flow, user: UserRecord, step: Step, input: Fields): Promise<Flow> {
    const attempt = await guessing.admitStep(caller, user.id);
    const done = await step
      .complete(caller, user, ownOf(step, input), stepFlow(flow))
      .catch(async (error: { code?: unknown }) => {
        await (error.code === 'code_invalid' ? attempt.failed() : attempt.undone());
        throw error;
      });
    await attempt.passed();
    // Not read from the account, whose password may have been reset since.
    const { passwordVersion, sessionEpoch } = done.moved ?? { ...flow, ...flow.epochs };
    const epochs = { ...flow.epochs, sessionEpoch };
    return { ...flow, passwordVersion, epochs, proofs: latestProofs(flow.proofs, done.proofs) };
  }

  return {
    enter(caller, { id = newId(clock()), user, proofs, refused }) {
      const flow = flowOf(user, { id, becomes: 'session', generation: 0, proofs });
      return advance(caller, flow, refused);
    },

    refresh: (caller, presented) => sessions.refresh(caller, presented, demandSteps),
    reauthenticate: (caller, actor, proofs) => sessions.reauthenticate(caller, actor, proofs, demandSteps),

    userOf: (flowToken) => flowTokens.open(flowToken)?.flow.userId ?? null,

    async waitingFor(step, flowToken) {
      const { user, verdict } = await open(flowToken);
      if (verdict.kind !== 'step' || verdict.step !== step) throw authErrors.token_invalid();
      return user;
    },

    async flow(flowToken) {
      const { flow, asked, user, verdict } = await open(flowToken);
      // If the step was done elsewhere, the flow still names it; completing it then needs nothing more.
      return viewOf(flow, user, verdict.kind === 'step' ? verdict.step : asked);
    },

    async prepare(caller, flowToken, method) {
      const { flow, user, verdict } = await open(flowToken);
      if (verdict.kind === 'done') throw authErrors.token_invalid();
      const { options = {} } = steps[verdict.step];
      const option = Object.hasOwn(options, method) ? options[method] : undefined;
      if (option === undefined) throw noSuchMethod();
      const answer = await option.prepare(caller, user, stepFlow(flow));
      return { view: viewOf(flow, (await userStore.find(user.id)) ?? user, verdict.step), answer };
    },

    async completeStep(caller, flowToken, input) {
      const { flow, asked, user, verdict } = await open(flowToken);
      if (verdict.kind === 'done') {
        // Without a proof, the flow would be a second way to continue the session, beside its refresh token.
        if (flow.becomes === 'elevation') throw authErrors.token_invalid();
        return advance(caller, flow, authErrors.token_invalid);
      }
      const step = steps[verdict.step];
      const isBrought = step.needs.some((set) => set.every((name) => input[name] !== undefined));
      // The policy or the account has changed since the token was issued, so that another step is due.
      if (!isBrought && asked !== verdict.step) throw await ask(caller, flow, user, verdict.step);
      if (!isBrought) throw missing(step.needs[0].filter((name) => input[name] === undefined));
      return advance(caller, await complete(caller, flow, user, step, input), authErrors.token_invalid);
    },
  };
}

function stepFlow({ id, becomes }: Flow): StepFlow {
  return { id, keptSessionId: becomes === 'elevation' ? id : null };
}

/** What the step takes of a request. */
function ownOf({ fields }: Step, input: Fields): Fields {
  return Object.fromEntries(Object.entries(input).filter(([name]) => Object.hasOwn(fields, name)));
}

function missing(fields: readonly string[]): AppError {
  const errors = fields.map((field) => ({ path: `/${field}`, message: 'This step needs this field.' }));
  return platformErrors.validation_failed({ errors });
}

function noSuchMethod(): AppError {
  return platformErrors.validation_failed({ errors: [{ path: '/method', message: 'This step has no such method.' }] });
}
