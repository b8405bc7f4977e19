import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inserted } from './insert.ts';
import { camel, namesOf, pascal } from './names.ts';

/**
 * Adds a job to a module of `root`: a file of its own, and its registration in the module's `index.ts`, which must have `jobs` among its `deps`. Answers
 * the paths of both. Throws a `TypeError` for a name that cannot be one, or a module that is not there.
 */
export function writeJob(root: string, module: string, name: string): string[] {
  const { singular } = namesOf(name, `${name}-jobs`);
  const folder = `server/src/modules/${module}`;
  const index = `${folder}/index.ts`;
  const path = `${folder}/${singular}.job.ts`;
  if (!existsSync(join(root, index))) throw new TypeError(`There is no module "${module}".`);
  if (existsSync(join(root, path))) throw new TypeError(`The module "${module}" has a job "${singular}" already.`);
  const register = `register${pascal(singular)}Job`;
  const source = inserted(readFileSync(join(root, index), 'utf8'), {
    file: index,
    line: `  ${register}(deps);`,
    before: '  return {',
  });
  const importing = `import { ${register} } from './${singular}.job.ts';\n`;
  writeFileSync(join(root, path), jobSource(`${module}.${singular}`, camel(singular), register));
  writeFileSync(
    join(root, index),
    source.replace(/^import .*\n(?!import)/m, (last) => last + importing),
  );
  return [path, index];
}

const jobSource = (job: string, variable: string, register: string): string => `import { Type } from 'typebox';
import { defineJob } from '../../platform/queue/define-job.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';

/** Its arguments: stored, and shown to administrators. */
const args = Type.Object({ limit: Type.Integer({ minimum: 1, maximum: 10_000 }) }, { additionalProperties: false });

/** Registers the job \`${job}\`. It may run twice: after a crash another process begins it again. */
export function ${register}({ jobs }: { jobs: Jobs }): void {
  const ${variable} = defineJob({
    name: '${job}',
    schema: args,
    schedulable: true,
    async run({ limit }, { signal, progress, log }) {
      let done = 0;
      for (; done < limit; done++) {
        signal.throwIfAborted();
        progress((100 * done) / limit);
      }
      log(\`\${done} done\`);
      return { done };
    },
  });
  jobs.register(${variable});
}
`;
