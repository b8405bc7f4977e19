import type { TSchema } from 'typebox';
import { createValidatorCompiler } from '../http/validation.ts';
import { describeFaults } from '../http/validation-faults.ts';

export type Fault = { path: string; message: string };

/** Characters of JSON that the arguments of one job may take: they are pointers to data, not the data. */
const ARGS_LIMIT = 65_536;

const compile = createValidatorCompiler();
const checks = new WeakMap<TSchema, ReturnType<typeof compile>>();

/** What is wrong with a job's arguments, as strictly as with a body; nothing where they fit. */
export function faultsOf(schema: TSchema, args: unknown): Fault[] {
  if (args === undefined) return [{ path: '/', message: 'is required' }];
  let check = checks.get(schema);
  if (!check) {
    check = compile({ schema, method: 'POST', url: 'job', httpPart: 'body' });
    checks.set(schema, check);
  }
  if (!check(args)) return describeFaults(check.errors ?? []);
  if ((JSON.stringify(args)?.length ?? 0) > ARGS_LIMIT) {
    return [{ path: '/', message: `must take no more than ${ARGS_LIMIT} characters` }];
  }
  return [];
}
