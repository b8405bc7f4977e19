import type { JobRegistry } from '../../platform/queue/job-registry.ts';
import type { JobQueue, JobRecord } from '../../platform/queue/queue.ts';
import type { Topic } from '../../platform/websocket/topic.ts';
import { type Look, watchEach } from '../../platform/websocket/watch-each.ts';

/** The running and the latest jobs that are compared. */
const MOST = 100;

/** The topics `jobs` and `queues`. Jobs change in whichever process runs them, and tell nobody: they are looked at, while somebody follows. */
export function jobTopics(deps: { queue: JobQueue; registry: JobRegistry }): Topic[] {
  return [
    { name: 'jobs', permission: 'GET:/api/v1/admin/jobs', watch: watchEach(jobsOf(deps)) },
    { name: 'queues', permission: 'GET:/api/v1/admin/queues', watch: watchEach(queuesOf(deps)) },
  ];
}

function jobsOf({ queue }: { queue: JobQueue }): Look {
  let running = new Set<string>();
  return async () => {
    const page = { skip: 0, limit: MOST };
    const [active, latest] = await Promise.all([queue.list({ state: 'active' }, page), queue.list({}, page)]);
    const shown = new Map([...latest, ...active].map((job) => [job.id, job]));
    // Those that ran before, and are not among the latest: they have ended, or wait for another attempt.
    const left = await Promise.all([...running].filter((id) => !shown.has(id)).map((id) => queue.find(id)));
    for (const job of left) if (job !== null) shown.set(job.id, job);
    running = new Set([...shown.values()].filter(({ state }) => state === 'active').map(({ id }) => id));
    return new Map([...shown.values()].map((job) => [`job:${job.id}`, seen(job)]));
  };
}

function seen({ state, attempts, progress }: JobRecord) {
  const isProgress = state === 'active' && progress !== null;
  return {
    state: `${state} ${attempts} ${progress}`,
    kind: isProgress ? 'progress' : state,
    ...(progress !== null && { progress }),
  };
}

function queuesOf({ queue, registry }: { queue: JobQueue; registry: JobRegistry }): Look {
  return async () => {
    const statuses = await Promise.all(registry.names().map((name) => queue.status(name)));
    return new Map(
      statuses.map(({ name, paused, counts }) => [
        `queue:${name}`,
        { state: JSON.stringify({ paused, counts }), kind: 'changed' },
      ]),
    );
  };
}
