import { after, type Clock, SECOND } from '../../platform/clock.ts';
import { type AppError, platformErrors } from '../../platform/errors.ts';
import type { Caller, SessionActor } from '../../platform/http/caller.ts';
import { newId } from '../../platform/ids.ts';
import { authErrors } from '../auth/errors.ts';
import type { Guessing } from '../guessing/guessing.ts';
import { sessionErrors } from '../sessions/errors.ts';
import { FIRST_PARTY, latestProofs } from '../sessions/names.ts';
import type { Proof, SessionRecord } from '../sessions/session-store.ts';
import type { Sessions, SignedIn } from '../sessions/sessions.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import { decide, type Facts, type StepName, type Verdict } from './decide.ts';
import { signInErrors } from './errors.ts';
import { epochsOf, FLOW_TTL, type Flow, type FlowTokens, stillStands } from './flow-token.ts';
import type { Step, StepInput, StepView } from './step.ts';

/** What a page is told of a sign-in that waits. */
export interface FlowView extends StepView {
  step: StepName;
  /** Seconds. */
  expiresIn: number;
}

/** Somebody's first proof of who they are. */
export interface Entry {
  /** As they were read before the proof: what has ended their sessions since then ends the one that follows. */
  user: UserRecord;
  proofs: readonly Proof[];
  /** What the caller hears where nobody may be signed in on it. */
  refused: () => Error;
}

/** The one door to a session: `const signedIn = await signIn.enter(caller, { user, proofs, refused: authErrors.code_invalid })`. */
export interface SignInEngine {
  /** Begins a session, for every way in. Throws `refused`, or `step_required` with a flow token. */
  enter(caller: Caller, entry: Entry): Promise<SignedIn>;
  /** Goes on with a session by its refresh token. Throws `refresh_invalid`, or `step_required`, after which both are as they were. */
  refresh(caller: Caller, refreshToken: string): Promise<SignedIn>;
  /** Goes on with a session whose password was proved again, with a new access token. Throws as `refresh` does, and `unauthenticated`. */
  reauthenticate(caller: Caller, actor: SessionActor): Promise<{ accessToken: string; expiresIn: number }>;
  /** Which step a flow waits for. Throws `token_invalid`. */
  flow(flowToken: string): Promise<FlowView>;
  /** Mails a step's code again. Throws `token_invalid`, `rate_limited`, and `validation_failed` where the step has nothing to mail. */
  mail(caller: Caller, flowToken: string): Promise<FlowView>;
  /**
   * Does the step that a flow waits for. Throws `token_invalid`, `code_invalid`, `password_…`, `rate_limited`, `validation_failed` where
   * the step's field is missing, and `step_required` for the next step.
   */
  completeStep(caller: Caller, flowToken: string, input: StepInput): Promise<SignedIn>;
}

/** Composes `decide` with the steps. Whatever a flow was issued on is read anew each time, and voids it where it has moved. */
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

  function verdictOn(account: UserRecord, proofs: readonly Proof[]): Verdict {
    return decide({ account, proofs, policy });
  }

  function viewOf(flow: Flow, user: UserRecord, step: StepName): FlowView {
    const left = flow.until.getTime() - clock().getTime();
    return { step, expiresIn: Math.ceil(left / SECOND), ...steps[step].view(user) };
  }

  function stepRequired(flow: Flow, user: UserRecord, step: StepName): AppError {
    const flowToken = flowTokens.issue(flow, step);
    return signInErrors.step_required({ members: { ...viewOf(flow, user, step), flowToken } });
  }

  /** Asks for the step; `user` is read again after it began, for what it has mailed. */
  async function ask(caller: Caller, flow: Flow, user: UserRecord, step: StepName): Promise<AppError> {
    const { begin } = steps[step];
    // A session that asks for a step does so at each refresh: it mails nothing until somebody wants it to.
    if (begin === undefined || flow.becomes === 'elevation') return stepRequired(flow, user, step);
    await begin(caller, user);
    return stepRequired(flow, (await userStore.find(user.id)) ?? user, step);
  }

  /** One step of the way: refuses, asks for what is missing, or signs in. */
  async function advance(caller: Caller, flow: Flow, refused: () => Error): Promise<SignedIn> {
    const user = await userStore.find(flow.userId);
    if (!user || !stillStands(flow, user)) throw refused();
    const verdict = verdictOn(user, flow.proofs);
    if (verdict.kind === 'refuse') throw refused();
    if (verdict.kind === 'step') throw await ask(caller, flow, user, verdict.step);
    if (flow.becomes === 'elevation') return sessions.elevate(caller, flow, flow.proofs);
    const how = { id: flow.id, epoch: flow.epochs.sessionEpoch, methods: flow.proofs, aal: verdict.aal };
    const signedIn = await sessions.start(caller, user, how);
    // Of many who bring the same last step, the first insert has used the flow up.
    if (!signedIn) throw refused();
    return signedIn;
  }

  function flowOf(user: UserRecord, fields: Pick<Flow, 'id' | 'becomes' | 'generation' | 'proofs'>): Flow {
    const { id: userId, passwordVersion } = user;
    const until = after(clock(), FLOW_TTL);
    return { ...fields, userId, clientId: FIRST_PARTY, passwordVersion, epochs: epochsOf(user), until };
  }

  /** Throws `step_required` where a session may not go on as it is, and `refresh_invalid` where it may not at all. */
  function demandSteps({ id, generation, methods: proofs }: SessionRecord, user: UserRecord): void {
    const verdict = verdictOn(user, proofs);
    if (verdict.kind === 'refuse') throw sessionErrors.refresh_invalid();
    if (verdict.kind === 'done') return;
    throw stepRequired(flowOf(user, { id, becomes: 'elevation', generation, proofs }), user, verdict.step);
  }

  /** What a flow token means now. Throws `token_invalid` where it was voided. */
  async function open(flowToken: string) {
    const opened = flowTokens.open(flowToken);
    const user = opened && (await userStore.find(opened.flow.userId));
    if (!user || !stillStands(opened.flow, user)) throw authErrors.token_invalid();
    const verdict = verdictOn(user, opened.flow.proofs);
    if (verdict.kind === 'refuse') throw authErrors.token_invalid();
    const flow: Flow = { ...opened.flow, epochs: opened.flow.epochs ?? epochsOf(user) };
    return { flow, asked: opened.step, user, verdict };
  }

  /** Tries are counted for the account before a code is compared: neither a new flow nor a new code gives more of them. */
  async function complete(caller: Caller, flow: Flow, user: UserRecord, step: Step, value: string): Promise<Flow> {
    const attempt = await guessing.admitStep(caller, user.id);
    const keep = flow.becomes === 'elevation' ? flow.id : null;
    const done = await step.complete(caller, user, value, keep).catch(async (error: { code?: unknown }) => {
      await (error.code === 'code_invalid' ? attempt.failed() : attempt.undone());
      throw error;
    });
    await attempt.passed();
    // Not what the account has now: somebody may have reset the password since.
    const { passwordVersion, sessionEpoch } = done.moved ?? { ...flow, ...flow.epochs };
    const epochs = { ...flow.epochs, sessionEpoch };
    return { ...flow, passwordVersion, epochs, proofs: latestProofs(flow.proofs, done.proofs) };
  }

  return {
    enter(caller, { user, proofs, refused }) {
      const flow = flowOf(user, { id: newId(clock()), becomes: 'session', generation: 0, proofs });
      return advance(caller, flow, refused);
    },

    refresh: (caller, refreshToken) => sessions.refresh(caller, refreshToken, demandSteps),
    reauthenticate: (caller, actor) => sessions.reauthenticate(caller, actor, demandSteps),

    async flow(flowToken) {
      const { flow, asked, user, verdict } = await open(flowToken);
      // Where it was done elsewhere meanwhile, completing it takes nothing more.
      return viewOf(flow, user, verdict.kind === 'step' ? verdict.step : asked);
    },

    async mail(caller, flowToken) {
      const { flow, user, verdict } = await open(flowToken);
      if (verdict.kind === 'done') throw authErrors.token_invalid();
      const step = steps[verdict.step];
      if (!step.mail) throw nothingToMail();
      await step.mail(caller, user);
      return viewOf(flow, (await userStore.find(user.id)) ?? user, verdict.step);
    },

    async completeStep(caller, flowToken, input) {
      const { flow, asked, user, verdict } = await open(flowToken);
      if (verdict.kind === 'done') {
        // The session goes on by its refresh token: a flow that needs no proof would go on beside it, unnoticed.
        if (flow.becomes === 'elevation') throw authErrors.token_invalid();
        return advance(caller, flow, authErrors.token_invalid);
      }
      const step = steps[verdict.step];
      const value = input[step.field];
      // It was issued for another step than is due now: the policy, or the account, has moved.
      if (value === undefined && asked !== verdict.step) throw await ask(caller, flow, user, verdict.step);
      if (value === undefined) throw missing(step.field);
      return advance(caller, await complete(caller, flow, user, step, value), authErrors.token_invalid);
    },
  };
}

function missing(field: keyof StepInput): AppError {
  return platformErrors.validation_failed({ errors: [{ path: `/${field}`, message: 'is needed for this step' }] });
}

function nothingToMail(): AppError {
  return platformErrors.validation_failed({ errors: [{ path: '/method', message: 'is no way to do this step' }] });
}
