// A client by @hey-api/openapi-ts, one function an operation. Nothing here ever runs: that it compiles is the test.

import type { AdminUser, CreateRoleBody, SignedIn, Timing } from './hey-api';
import * as api from './hey-api';

/** Stands for whatever a program does with a value, and takes it only if it is of that type. */
declare function use<T>(value: T): void;

/** Signs in; what else there is to do is told by the problem's code. */
export async function signIn(login: string, password: string): Promise<string> {
  const { data, error } = await api.login({ body: { login, password, tokenTransport: 'body' } });
  if (data) return data.accessToken;
  if (error.code === 'step_required') {
    use<'change_password' | 'enroll_mfa' | 'mfa' | 'verify_email'>(error.step);
    const { flowToken } = error;
    const done = await api.completeStep({ body: { flowToken, newPassword: 'another one' } });
    return done.data?.accessToken ?? '';
  }
  if (error.code === 'proof_required') use<number>(error.puzzle.bits);
  if (error.code === 'validation_failed') use<string | undefined>(error.errors[0]?.path);
  throw new Error(error.title);
}

export async function waysToSignIn(): Promise<void> {
  await api.login({ body: { email: 'ada@example.org', password: 'a purple otter reads' } });
  await api.login({ body: { username: 'ada', encryptedPassword: 'e.y.J.h.b' } });
  // @ts-expect-error Nobody is named, and nothing proved.
  await api.login({ body: {} });
  // @ts-expect-error Nothing is proved.
  await api.login({ body: { login: 'ada' } });
  // @ts-expect-error Nobody is named.
  await api.login({ body: { password: 'a purple otter reads' } });
}

export async function account(): Promise<void> {
  const registered = await api.register({ body: { email: 'ada@example.org', password: 'a purple otter reads' } });
  if (registered.error?.code === 'password_too_short') use<number>(registered.error.minLength);
  const refreshed = await api.refresh();
  use<SignedIn | undefined>(refreshed.data);
  const { data: me } = await api.getMe();
  use<string | null | undefined>(me?.email);
  use<'active' | 'disabled' | 'deleted' | undefined>(me?.status);
  await api.updateMe({ body: { fullName: null, profile: { bio: 'Counts.' } } });
  const { data: sessions } = await api.listSessions();
  use<boolean | undefined>(sessions?.items[0]?.current);
  await api.endSession({ path: { id: sessions?.items[0]?.id ?? '' } });
  // @ts-expect-error A session is ended by its id.
  await api.endSession({});
}

export async function administration(): Promise<void> {
  const users = await api.listUsers({ query: { q: 'ada', status: 'active', cursor: '' } });
  use<string | null | undefined>(users.data?.nextCursor);
  use<AdminUser | undefined>(users.data?.items[0]);
  // @ts-expect-error There is no such state.
  await api.listUsers({ query: { status: 'asleep' } });
  const made = await api.createUser({ body: { email: 'ada@example.org', roles: ['user'] } });
  use<string | undefined>(made.data?.id);
  const role: CreateRoleBody = { code: 'model_manager', name: 'Model manager', rateLimit: null };
  const { error } = await api.createRole({ body: role });
  if (error?.code === 'role_code_taken') use<409 | number>(error.status);
  await api.changeUsers({ body: { action: 'deactivate', ids: ['1'] } });
  await api.deactivateUser({ path: { id: '1' } });
  const events = await api.listEvents({ query: { type: 'user.*' } });
  use<Record<string, unknown> | null | undefined>(events.data?.items[0]?.before);
}

export async function schedules(): Promise<string> {
  const timing: Timing = { kind: 'cron', expression: '0 3 * * *', timeZone: 'Europe/Berlin' };
  await api.createSchedule({ body: { name: 'Nightly', job: 'purge', timing } });
  // @ts-expect-error An interval has seconds, and no expression.
  use<Timing>({ kind: 'interval', expression: '0 3 * * *' });
  const { data } = await api.getSchedule({ path: { id: '1' } });
  if (data?.timing.kind === 'interval') return String(data.timing.everySeconds);
  if (data?.timing.kind === 'cron') return data.timing.timeZone;
  return String(data?.timing.latitude);
}
