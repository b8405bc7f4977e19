// Every race of sign-ins by mail on every database again, with as many rounds as the long tests take.
process.env.RACE_ROUNDS ||= '20';
await import('./email-sign-in-races.test.ts');

export {};
