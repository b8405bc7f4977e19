import { Type } from 'typebox';
import { type Caller, callerOf } from '../../platform/http/caller.ts';
import { type Lists, listSchema } from '../../platform/http/paging.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import type { JobRegistry } from '../../platform/queue/job-registry.ts';
import type { JobFilter, JobQueue, JobRecord } from '../../platform/queue/queue.ts';
import { jobErrors } from './errors.ts';
import {
  jobParams,
  jobSchema,
  jobsQuery,
  jobView,
  queueParams,
  queuesSchema,
  queueView,
  workerView,
} from './schemas.ts';
import type { WorkerHeartbeat } from './worker-heartbeat.ts';

const TAGS = ['Background work'];
/** Ids are UUIDs; what somebody else wrote into Redis can have others, and must be removable, too. */
const ID = /^[\x21-\x7e]{1,100}$/;

/** The jobs and their queues, for administrators. */
export function jobRoutes(deps: {
  queue: JobQueue;
  registry: JobRegistry;
  heartbeat: WorkerHeartbeat;
  /** Records an event of a change that is not part of a record in the database. */
  recordEvent: (
    caller: Caller,
    event: { type: string; target: string; data?: Record<string, unknown> },
  ) => Promise<void>;
  list: Lists;
}) {
  const { queue, registry, heartbeat, recordEvent, list } = deps;

  async function find(id: string): Promise<JobRecord> {
    const job = ID.test(id) ? await queue.find(id) : null;
    if (!job) throw jobErrors.job_not_found();
    return job;
  }

  async function act(caller: Caller, id: string, what: string, verb: (id: string) => Promise<boolean>): Promise<void> {
    const { name } = await find(id);
    if (!(await verb(id))) throw jobErrors.job_state_conflict();
    await recordEvent(caller, { type: `job.${what}`, target: `job:${id}`, data: { queue: name } });
  }

  function knownQueue(name: string): string {
    if (!registry.find(name)) throw jobErrors.queue_not_found();
    return name;
  }

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/admin/jobs',
      {
        config: { access: 'permission', errors: ['queue_not_found'] },
        schema: {
          operationId: 'listJobs',
          summary: 'Jobs, the latest first',
          description: 'By page only, without cursors.',
          tags: TAGS,
          querystring: jobsQuery,
          response: { 200: listSchema(jobSchema) },
        },
      },
      async (request) => {
        const { queue: name, state, ...page } = request.query;
        const filter: JobFilter = { ...(name !== undefined && { name: knownQueue(name) }), ...(state && { state }) };
        const jobs = await list(page, {
          name: 'jobs',
          read: ({ skip, limit }) => queue.list(filter, { skip, limit }),
          count: (limit) => queue.count(filter, limit),
          keyOf: ({ id }) => id,
        });
        return { ...jobs, items: jobs.items.map(jobView) };
      },
    );

    app.get(
      '/admin/jobs/:id',
      {
        config: { access: 'permission', errors: ['job_not_found'] },
        schema: {
          operationId: 'getJob',
          summary: 'A job',
          description: 'With its latest failure, and the last lines of its log.',
          tags: TAGS,
          params: jobParams,
          response: { 200: jobSchema },
        },
      },
      async (request) => jobView(await find(request.params.id)),
    );

    app.post(
      '/admin/jobs/:id/retry',
      {
        config: { access: 'permission', errors: ['job_not_found', 'job_state_conflict'] },
        schema: {
          operationId: 'retryJob',
          summary: 'Enqueue a failed or cancelled job again, with all its attempts',
          description: 'A job in any other state answers `job_state_conflict`.',
          tags: TAGS,
          params: jobParams,
          response: { 200: jobSchema },
        },
      },
      async (request) => {
        const { id } = request.params;
        await act(callerOf(request), id, 'retried', queue.retry);
        return jobView(await find(id));
      },
    );

    app.post(
      '/admin/jobs/:id/cancel',
      {
        config: { access: 'permission', errors: ['job_not_found', 'job_state_conflict'] },
        schema: {
          operationId: 'cancelJob',
          summary: 'Cancel a job: a waiting one never runs, a running one is asked to stop',
          description: 'A job that has ended answers `job_state_conflict`.',
          tags: TAGS,
          params: jobParams,
          response: { 200: jobSchema },
        },
      },
      async (request) => {
        const { id } = request.params;
        await act(callerOf(request), id, 'cancelled', queue.cancel);
        return jobView(await find(id));
      },
    );

    app.delete(
      '/admin/jobs/:id',
      {
        config: { access: 'permission', errors: ['job_not_found', 'job_state_conflict'] },
        schema: {
          operationId: 'deleteJob',
          summary: 'Delete a job that is not active',
          description: 'Also deletes its result and its log. One that is `unreadable` can be deleted in any state.',
          tags: TAGS,
          params: jobParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await act(callerOf(request), request.params.id, 'removed', queue.remove);
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/admin/queues',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listQueues',
          summary: 'All queues and workers, with counts, throughput and durations',
          description: 'Each kind of job has its own queue. Workers are listed as long as they send heartbeats.',
          tags: TAGS,
          response: { 200: queuesSchema },
        },
      },
      async () => {
        const [statuses, workers] = await Promise.all([
          Promise.all(
            registry
              .names()
              .sort()
              .map((name) => queue.status(name)),
          ),
          heartbeat.list(),
        ]);
        const items = statuses.flatMap((status) => {
          const definition = registry.find(status.name);
          return definition ? [queueView(status, definition)] : [];
        });
        return { items, workers: workers.map(workerView) };
      },
    );

    const verbs = {
      pause: {
        operationId: 'pauseQueue',
        summary: 'Pause a queue: jobs can be enqueued, but wait',
        description: 'On every instance. Running jobs finish.',
      },
      resume: {
        operationId: 'resumeQueue',
        summary: 'Resume a queue',
        description: 'On every instance.',
      },
    };
    for (const verb of ['pause', 'resume'] as const) {
      app.post(
        `/admin/queues/:name/${verb}`,
        {
          config: { access: 'permission', errors: ['queue_not_found'] },
          schema: { ...verbs[verb], tags: TAGS, params: queueParams, response: { 204: Type.Null() } },
        },
        async (request, reply) => {
          const name = knownQueue(request.params.name);
          await queue[verb](name);
          await recordEvent(callerOf(request), { type: `queue.${verb}d`, target: `queue:${name}` });
          return reply.code(204).send(null);
        },
      );
    }
  };
}
