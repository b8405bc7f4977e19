import type { TSchema } from 'typebox';
import type { Fault } from '../errors.ts';
import { createValidatorCompiler } from '../http/validation.ts';
import { describeFaults } from '../http/validation-faults.ts';

/** Maximum characters of a job's arguments as JSON: they refer to data, and do not contain it. */
const ARGS_LIMIT = 65_536;

const compile = createValidatorCompiler();
const checks = new WeakMap<TSchema, ReturnType<typeof compile>>();

/** The faults of a job's arguments, checked as strictly as a body; empty if there are none. */
export function faultsOf(schema: TSchema, args: unknown): Fault[] {
  if (args === undefined) return [{ path: '', message: 'Arguments are required.' }];
  let check = checks.get(schema);
  if (!check) {
    check = compile({ schema, method: 'POST', url: 'job', httpPart: 'body' });
    checks.set(schema, check);
  }
  if (!check(args)) return describeFaults(check.errors ?? []);
  if ((JSON.stringify(args)?.length ?? 0) > ARGS_LIMIT) {
    return [{ path: '', message: `This must have at most ${ARGS_LIMIT} characters as JSON.` }];
  }
  return [];
}
