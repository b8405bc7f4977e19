/**
 * Loaded by `--require` into test files, and not into what they start. Node's test runner follows each promise by an async hook, so as to
 * name the test in which an error began that nobody caught; our tests make so many that it takes a quarter of their processor time.
 * Without it such an error still fails the run. What began in a timer, a socket or a tick of its test is still laid to that test.
 */
import asyncHooks from 'node:async_hooks';

const { createHook } = asyncHooks;

// The runner takes the function from here when it is loaded. Node 24 does not know the option, and follows promises as before.
Object.assign(asyncHooks, {
  createHook: (options: asyncHooks.HookCallbacks) => createHook({ ...options, trackPromises: false } as typeof options),
});
