/** One thing that is wrong with the configuration. None of its texts repeats a value: any value may be a secret, also one in the wrong place. */
export interface ConfigFault {
  /** The variable, or `.env`. */
  name: string;
  /** What is wrong, as the predicate of a sentence that begins with the name: `is not a whole number`. */
  problem: string;
  /** What to do about it, as a sentence. */
  fix: string;
}

/** Everything that is wrong with the configuration, in one message for the person who starts the server. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const count = faults.length === 1 ? 'has one fault' : `has ${faults.length} faults`;
    const lines = faults.map(({ name, problem, fix }) => `  ${name} ${problem}.\n    ${fix}`);
    super(`The configuration ${count}:\n${lines.join('\n')}`);
    this.faults = faults;
  }
}

/** What a parser throws at a value that it refuses; the loader adds the name and makes a fault of it. */
export class InvalidValue extends Error {
  override readonly name = 'InvalidValue';
  readonly problem: string;
  readonly fix: string;

  constructor(problem: string, fix: string) {
    super(problem);
    this.problem = problem;
    this.fix = fix;
  }
}
