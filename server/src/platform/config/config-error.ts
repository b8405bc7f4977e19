/** One fault of the configuration. Its texts never repeat a value: any value may be a secret, also one in the wrong place. */
export interface ConfigFault {
  /** The variable, set or meant, or `.env`. */
  name: string;
  /** The fault, as the predicate of a sentence that begins with the name: `is not a whole number`. */
  problem: string;
  /** The remedy, as a sentence. */
  fix: string;
}

/** All faults of the configuration, in one message for the operator. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly ConfigFault[];

  /** `warnings` are the doubts of the same configuration: one of them may be the cause. */
  constructor(faults: readonly ConfigFault[], warnings: readonly string[] = []) {
    const count = faults.length === 1 ? 'has one fault' : `has ${faults.length} faults`;
    const lines = faults.map(({ name, problem, fix }) => `  ${name} ${problem}.\n    ${fix}`);
    const doubts = warnings.length === 0 ? [] : ['Besides:', ...warnings.map((warning) => `  ${warning}`)];
    super([`The configuration ${count}:`, ...lines, ...doubts].join('\n'));
    this.faults = faults;
  }
}

/** Thrown by a parser that refuses a value; the loader adds the name and makes it a fault. */
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
