import { after, type Clock, SECOND } from '../../platform/clock.ts';
import { type AppError, platformErrors } from '../../platform/errors.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { newId } from '../../platform/ids.ts';
import { authErrors } from '../auth/errors.ts';
import { type Factors, holdsPasskey, holdsSecondFactor } from '../factors/names.ts';
import type { FactorRecords } from '../factors/records.ts';
import type { Guessing } from '../guessing/guessing.ts';
import type { TrustedDevices } from '../mfa/trusted-devices.ts';
import type { PresentedRefreshToken } from '../sessions/client-binding.ts';
import { sessionErrors } from '../sessions/errors.ts';
import { FIRST_PARTY, latestProofs, METHODS } from '../sessions/names.ts';
import type { Proof, SessionRecord } from '../sessions/session-store.ts';
import type { Sessions, SignedIn } from '../sessions/sessions.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import { type Assured, assuranceOf } from './assurance.ts';
import { decide, type Facts, type MfaPolicy, type StepName, type Verdict } from './decide.ts';
import { signInErrors } from './errors.ts';
import { epochsOf, FLOW_TTL, type Flow, type FlowTokens, stillStands } from './flow-token.ts';
import type { NotifyOfTries } from './notice.ts';
import type { Step, StepContext, StepFlow, StepView } from './step.ts';

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
  /** Adds proofs to a session, such as that of a factor that was just added; the session may continue in any case. Throws `unauthenticated`. */
  strengthen(caller: Caller, actor: SessionActor, proofs: readonly Proof[]): Promise<void>;
  /** The user of a genuine flow token that has not expired, or null. Costs no query. */
  userOf(flowToken: string): string | null;
  /** The user of a flow that waits for this step. Throws `token_invalid`. */
  waitingFor(caller: Caller, step: StepName, flowToken: string): Promise<UserRecord>;
  /** The step that a flow waits for. Throws `token_invalid`. */
  flow(caller: Caller, flowToken: string): Promise<FlowView>;
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

/** What a policy asks of a user, and whether the caller's browser is one that they trust. */
export type MfaPolicyOf = (user: UserRecord, caller: Caller, factors: Factors) => MfaPolicy | Promise<MfaPolicy>;

/** Stops a reset of second factors by whoever has just proved one. */
export type StopReset = (caller: Caller, user: UserRecord) => Promise<void>;

/** A user and all that is decided on, as read in this request. */
interface Case {
  user: UserRecord;
  facts: Facts;
  context: StepContext;
  verdict: Verdict;
}

/** Composes `decide` with the steps. The facts of a flow are read again each time; a change of password or epochs voids the flow. */
export function createSignInEngine(deps: {
  userStore: UserStore;
  sessions: Sessions;
  guessing: Pick<Guessing, 'admitStep'>;
  records: Pick<FactorRecords, 'held'>;
  mfaPolicyOf: MfaPolicyOf;
  notifyOfTries: NotifyOfTries;
  trustedDevices: Pick<TrustedDevices, 'trust'>;
  /** Called when somebody has proved a second factor whose reset waits: it is not lost. */
  stopReset: StopReset;
  flowTokens: FlowTokens;
  steps: Record<StepName, Step>;
  policy: Pick<Facts['policy'], 'verifyEmail'>;
  clock: Clock;
}): SignInEngine {
  const { userStore, sessions, guessing, records, flowTokens, steps, clock } = deps;

  /** Reads the factors and the policy, and decides. */
  async function judge(
    caller: Caller,
    user: UserRecord,
    { proofs, since, later }: Pick<Facts, 'proofs' | 'since' | 'later'>,
  ): Promise<Case> {
    const factors = await records.held(user);
    const { trusted, mayTrust, mfa, mfaGraceUntil } = await deps.mfaPolicyOf(user, caller, factors);
    const now = clock();
    const policy = { ...deps.policy, mfa, mfaGraceUntil, mayTrust };
    const facts: Facts = { account: accountOf(user, factors, mfa), proofs, since, later, policy, trusted, now };
    return { user, facts, context: { factors, policy, now }, verdict: decide(facts) };
  }

  async function heldAalOf(caller: Caller, user: UserRecord): Promise<Assured['aal']> {
    const factors = await records.held(user);
    const { mfa } = await deps.mfaPolicyOf(user, caller, factors);
    return accountOf(user, factors, mfa).heldAal;
  }

  /** Of a flow. When the session that continues began is not known; that it continues decides. */
  const judgeFlow = (caller: Caller, user: UserRecord, { proofs, becomes, until, later }: Flow) =>
    judge(caller, user, { proofs, later, since: becomes === 'elevation' ? after(until, -FLOW_TTL) : null });

  function viewOf(flow: Flow, { user, context }: Case, step: StepName): FlowView {
    const left = flow.until.getTime() - clock().getTime();
    return { step, expiresIn: Math.ceil(left / SECOND), ...steps[step].view(user, context) };
  }

  function stepRequired(flow: Flow, judged: Case, step: StepName): AppError {
    const flowToken = flowTokens.issue(flow, step);
    return signInErrors.step_required({ members: { ...viewOf(flow, judged, step), flowToken } });
  }

  /** Begins the step and returns `step_required`. The user is read again, because beginning may have mailed a code. */
  async function ask(caller: Caller, flow: Flow, judged: Case, step: StepName): Promise<AppError> {
    const { begin } = steps[step];
    const { user } = judged;
    // A session asks for its step at each refresh, so it mails nothing before the person asks for it.
    if (begin === undefined || flow.becomes === 'elevation') return stepRequired(flow, judged, step);
    await begin(caller, user);
    return stepRequired(flow, { ...judged, user: (await userStore.find(user.id)) ?? user }, step);
  }

  /** Refuses, asks for the next step, or signs in. */
  async function advance(caller: Caller, flow: Flow, refused: () => Error): Promise<SignedIn> {
    const user = await userStore.find(flow.userId);
    if (!user || !stillStands(flow, user)) throw refused();
    const judged = await judgeFlow(caller, user, flow);
    const { verdict } = judged;
    if (verdict.kind === 'refuse') throw refused();
    if (verdict.kind === 'step') throw await ask(caller, flow, judged, verdict.step);
    if (flow.becomes === 'elevation') {
      return sessions.elevate(caller, flow, flow.proofs, async ({ methods: proofs, authTime: since }, owner) => {
        const again = await judge(caller, owner, { proofs, since, later: flow.later });
        if (again.verdict.kind !== 'done') throw refused();
        return again.verdict;
      });
    }
    const { id, clientId, proofs } = flow;
    const { aal, authTime } = verdict;
    const isExcused = judged.facts.trusted && aal < judged.facts.account.heldAal;
    const methods = isExcused ? [...proofs, { method: 'trusted_device' as const, at: judged.facts.now }] : proofs;
    const start = { id, clientId, epoch: flow.epochs.sessionEpoch, methods, aal, authTime };
    const signedIn = await sessions.start(caller, user, start);
    // Null: another request with the same flow was first, and its insert has used the flow up.
    if (!signedIn) throw refused();
    if (provesFactor(flow.proofs)) await keepFactors(caller, judged);
    return signedIn;
  }

  async function keepFactors(caller: Caller, { user, context }: Pick<Case, 'user' | 'context'>): Promise<void> {
    if (context.factors.resetAt !== null) await deps.stopReset(caller, user);
  }

  function flowOf(user: UserRecord, fields: Pick<Flow, 'id' | 'becomes' | 'generation' | 'proofs'>): Flow {
    const { id: userId, passwordVersion } = user;
    const until = after(clock(), FLOW_TTL);
    return {
      ...fields,
      userId,
      clientId: FIRST_PARTY,
      passwordVersion,
      epochs: epochsOf(user),
      later: false,
      trust: false,
      until,
    };
  }

  /** Throws `step_required` if the session needs a step to continue, and `refresh_invalid` if it may not continue. */
  const demandSteps =
    (caller: Caller) =>
    async (session: SessionRecord, user: UserRecord): Promise<Assured> => {
      const { id, generation, methods: proofs, authTime: since } = session;
      const judged = await judge(caller, user, { proofs, since, later: false });
      const { verdict } = judged;
      if (verdict.kind === 'refuse') throw sessionErrors.refresh_invalid();
      // What excused from the second factor is gone, and no step can take its place.
      const wasExcused = proofs.some(({ method }) => method === 'trusted_device') && !judged.facts.trusted;
      if (verdict.kind === 'done' && verdict.aal === 1 && wasExcused) throw sessionErrors.refresh_invalid();
      if (verdict.kind === 'done') return verdict;
      throw stepRequired(flowOf(user, { id, becomes: 'elevation', generation, proofs }), judged, verdict.step);
    };

  /** Reads a flow token and the facts of today. Throws `token_invalid` if the flow is void. */
  async function open(caller: Caller, flowToken: string) {
    const opened = flowTokens.open(flowToken);
    const user = opened && (await userStore.find(opened.flow.userId));
    if (!user || !stillStands(opened.flow, user)) throw authErrors.token_invalid();
    const flow: Flow = { ...opened.flow, epochs: opened.flow.epochs ?? epochsOf(user) };
    const judged = await judgeFlow(caller, user, flow);
    if (judged.verdict.kind === 'refuse') throw authErrors.token_invalid();
    return { flow, asked: opened.step, judged, verdict: judged.verdict };
  }

  /** Attempts are counted for the account, before the code is compared: neither a new flow nor a new code gives more of them. */
  async function complete(caller: Caller, flow: Flow, judged: Case, name: StepName, input: Fields) {
    const { user } = judged;
    const step = steps[name];
    const attempt = await guessing.admitStep(caller, user.id);
    const done = await step
      .complete(caller, user, ownOf(step, input), stepFlow(flow, judged, name))
      .catch(async (error: { code?: unknown }) => {
        if (error.code !== 'code_invalid') await attempt.undone();
        else {
          await attempt.failed();
          if (name === 'mfa') await deps.notifyOfTries(caller, user, attempt.tries);
        }
        throw error;
      });
    // Not read from the account, whose password may have been reset since.
    const { passwordVersion, sessionEpoch } = done.moved ?? { ...flow, ...flow.epochs };
    const epochs = { ...flow.epochs, sessionEpoch };
    if (provesFactor(done.proofs)) await keepFactors(caller, judged);
    const later = flow.later || done.later === true;
    const trust = flow.trust || done.trust === true;
    const next: Flow = {
      ...flow,
      passwordVersion,
      epochs,
      later,
      trust,
      proofs: latestProofs(flow.proofs, done.proofs),
    };
    return { next, recoveryCodes: done.recoveryCodes, passing: attempt.passed() };
  }

  return {
    enter(caller, { id = newId(clock()), user, proofs, refused }) {
      const flow = flowOf(user, { id, becomes: 'session', generation: 0, proofs });
      return advance(caller, flow, refused);
    },

    refresh: (caller, presented) => sessions.refresh(caller, presented, demandSteps(caller)),
    reauthenticate: (caller, actor, proofs) =>
      sessions.reauthenticate(caller, actor, proofs, async (session, user) => {
        const assured = await demandSteps(caller)(session, user);
        const heldAal = await heldAalOf(caller, user);
        if (assured.aal <= heldAal) return assured;
        // The session was proved by a factor that is gone: what the account has left must be enough.
        return assuranceOf(METHODS, { proofs, since: session.authTime, heldAal }) ?? assured;
      }),

    strengthen: (caller, { sessionId }, added) =>
      sessions.strengthen(caller, sessionId, added, async ({ methods: proofs, authTime: since }, user) => {
        const heldAal = await heldAalOf(caller, user);
        const assured = assuranceOf(METHODS, { proofs, since, heldAal });
        if (!assured) throw platformErrors.unauthenticated();
        return assured;
      }),

    userOf: (flowToken) => flowTokens.open(flowToken)?.flow.userId ?? null,

    async waitingFor(caller, step, flowToken) {
      const { judged, verdict } = await open(caller, flowToken);
      if (verdict.kind !== 'step' || verdict.step !== step) throw authErrors.token_invalid();
      return judged.user;
    },

    async flow(caller, flowToken) {
      const { flow, asked, judged, verdict } = await open(caller, flowToken);
      // If the step was done elsewhere, the flow still names it; completing it then needs nothing more.
      return viewOf(flow, judged, verdict.kind === 'step' ? verdict.step : asked);
    },

    async prepare(caller, flowToken, method) {
      const { flow, judged, verdict } = await open(caller, flowToken);
      if (verdict.kind === 'done') throw authErrors.token_invalid();
      const { user } = judged;
      const { options = {} } = steps[verdict.step];
      const option = Object.hasOwn(options, method) ? options[method] : undefined;
      if (option === undefined) throw noSuchMethod();
      const answer = await option.prepare(caller, user, stepFlow(flow, judged, verdict.step));
      const now = { ...judged, user: (await userStore.find(user.id)) ?? user };
      return { view: viewOf(flow, now, verdict.step), answer };
    },

    async completeStep(caller, flowToken, input) {
      const { flow, asked, judged, verdict } = await open(caller, flowToken);
      if (verdict.kind === 'done') {
        // Without a proof, the flow would be a second way to continue the session, beside its refresh token.
        if (flow.becomes === 'elevation') throw authErrors.token_invalid();
        return advance(caller, flow, authErrors.token_invalid);
      }
      const step = steps[verdict.step];
      const isBrought = step.needs.some((set) => set.every((name) => input[name] !== undefined));
      // The policy or the account has changed since the token was issued, so that another step is due.
      if (!isBrought && asked !== verdict.step) throw await ask(caller, flow, judged, verdict.step);
      if (!isBrought) throw missing(step.needs[0].filter((name) => input[name] === undefined));
      const { next, recoveryCodes, passing } = await complete(caller, flow, judged, verdict.step, input);
      // Together, so that both wait for the disk once.
      const entering = advance(caller, next, authErrors.token_invalid);
      await Promise.allSettled([entering, passing]);
      const signedIn = await entering;
      await passing;
      const trustTokens = next.trust ? await deps.trustedDevices.trust(caller, signedIn.user) : null;
      return {
        ...signedIn,
        ...(recoveryCodes !== undefined && { recoveryCodes }),
        ...(trustTokens !== null && { trustTokens }),
      };
    },
  };
}

/** A passkey that nobody asked for is only asked for where a policy demands a second factor. */
function accountOf(user: UserRecord, factors: Factors, mfa: MfaPolicy['mfa']): Facts['account'] {
  const heldPhishingResistant = holdsPasskey(factors);
  const holdsSecond = holdsSecondFactor(factors) || (mfa !== 'off' && heldPhishingResistant);
  return { ...user, heldAal: holdsSecond ? 2 : 1, heldPhishingResistant };
}

function stepFlow({ id, becomes }: Flow, { user, facts, context }: Case, step: StepName): StepFlow {
  return {
    ...context,
    id,
    keptSessionId: becomes === 'elevation' ? id : null,
    isDueWith(factors) {
      const verdict = decide({ ...facts, account: accountOf(user, factors, facts.policy.mfa) });
      return verdict.kind === 'step' && verdict.step === step;
    },
  };
}

/** Whether one of these is a second factor, or two in one. */
export const provesFactor = (proofs: readonly Proof[]): boolean =>
  proofs.some(({ method }) => ['second', 'both'].includes(METHODS[method].factor));

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
