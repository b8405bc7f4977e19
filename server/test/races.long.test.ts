// Every race of requests on every database again, with as many rounds as the long tests take.
process.env.RACE_ROUNDS ||= '10';
await import('./races.test.ts');

export {};
