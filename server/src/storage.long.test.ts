// Every store contract × every database again, also by PgBouncer in session mode, with as many rounds of each race as the long tests take.
process.env.RACE_ROUNDS ||= '20';
await import('./storage.test.ts');

export {};
