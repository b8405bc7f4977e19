// Types by openapi-typescript, calls by openapi-fetch. Nothing here ever runs: that it compiles is the test.
import createClient from 'openapi-fetch';
import type { components, paths } from './schema';

type Schemas = components['schemas'];

const api = createClient<paths>({ baseUrl: 'https://auth.example.org' });

/** Stands for whatever a program does with a value, and takes it only if it is of that type. */
declare function use<T>(value: T): void;

/** Signs in; what else there is to do is told by the problem's code. */
export async function signIn(login: string, password: string): Promise<string> {
  const { data, error } = await api.POST('/api/v1/auth/login', { body: { login, password, tokenTransport: 'body' } });
  if (data) return data.accessToken;
  if (error.code === 'step_required') {
    use<'change_password' | 'enroll_mfa' | 'mfa' | 'verify_email'>(error.step);
    const { flowToken } = error;
    const done = await api.POST('/api/v1/auth/complete-step', { body: { flowToken, newPassword: 'another one' } });
    return done.data?.accessToken ?? '';
  }
  if (error.code === 'proof_required') use<number>(error.puzzle.bits);
  if (error.code === 'validation_failed') use<string | undefined>(error.errors[0]?.path);
  throw new Error(error.title);
}

export async function waysToSignIn(): Promise<void> {
  await api.POST('/api/v1/auth/login', { body: { email: 'ada@example.org', password: 'a purple otter reads' } });
  await api.POST('/api/v1/auth/login', { body: { username: 'ada', encryptedPassword: 'e.y.J.h.b' } });
  // @ts-expect-error Nobody is named, and nothing proved.
  await api.POST('/api/v1/auth/login', { body: {} });
  // @ts-expect-error Nothing is proved.
  await api.POST('/api/v1/auth/login', { body: { login: 'ada' } });
  // @ts-expect-error Nobody is named.
  await api.POST('/api/v1/auth/login', { body: { password: 'a purple otter reads' } });
}

export async function account(): Promise<void> {
  const registered = await api.POST('/api/v1/auth/register', {
    body: { email: 'ada@example.org', password: 'a purple otter reads' },
  });
  if (registered.error?.code === 'password_too_short') use<number>(registered.error.minLength);
  const refreshed = await api.POST('/api/v1/auth/refresh', {});
  use<Schemas['SignedIn'] | undefined>(refreshed.data);
  const { data: me } = await api.GET('/api/v1/users/me');
  use<string | null | undefined>(me?.email);
  use<'active' | 'disabled' | 'deleted' | undefined>(me?.status);
  await api.PATCH('/api/v1/users/me', { body: { fullName: null, profile: { bio: 'Counts.' } } });
  const { data: sessions } = await api.GET('/api/v1/sessions');
  use<boolean | undefined>(sessions?.items[0]?.current);
  const id = sessions?.items[0]?.id ?? '';
  const ended = await api.DELETE('/api/v1/sessions/{id}', { params: { path: { id } } });
  if (ended.error) use<'session_not_found' | string>(ended.error.code);
  // @ts-expect-error There is no such operation.
  await api.PUT('/api/v1/users/me', {});
}

export async function administration(): Promise<void> {
  const users = await api.GET('/api/v1/admin/users', { params: { query: { q: 'ada', status: 'active', cursor: '' } } });
  use<string | null | undefined>(users.data?.nextCursor);
  use<Schemas['AdminUser'] | undefined>(users.data?.items[0]);
  // @ts-expect-error There is no such state.
  await api.GET('/api/v1/admin/users', { params: { query: { status: 'asleep' } } });
  const made = await api.POST('/api/v1/admin/users', { body: { email: 'ada@example.org', roles: ['user'] } });
  use<string | undefined>(made.data?.id);
  const role: Schemas['CreateRoleBody'] = { code: 'model_manager', name: 'Model manager', rateLimit: null };
  const { error } = await api.POST('/api/v1/admin/roles', { body: role });
  if (error?.code === 'role_code_taken') use<409 | number>(error.status);
  await api.POST('/api/v1/admin/users/bulk', { body: { action: 'deactivate', ids: ['1'] } });
  const events = await api.GET('/api/v1/admin/events', { params: { query: { type: 'user.*' } } });
  use<Record<string, unknown> | null | undefined>(events.data?.items[0]?.before);
}

export async function schedules(): Promise<string> {
  const timing: Schemas['Timing'] = { kind: 'cron', expression: '0 3 * * *', timeZone: 'Europe/Berlin' };
  await api.POST('/api/v1/admin/schedules', { body: { name: 'Nightly', job: 'purge', timing } });
  // @ts-expect-error An interval has seconds, and no expression.
  use<Schemas['Timing']>({ kind: 'interval', expression: '0 3 * * *' });
  const { data } = await api.GET('/api/v1/admin/schedules/{id}', { params: { path: { id: '1' } } });
  if (data?.timing.kind === 'interval') return String(data.timing.everySeconds);
  if (data?.timing.kind === 'cron') return data.timing.timeZone;
  return String(data?.timing.latitude);
}
