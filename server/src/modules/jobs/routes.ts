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
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The jobs and their queues, for administrators. */
export function jobRoutes(deps: {
  queue: JobQueue;
  registry: JobRegistry;
  heartbeat: WorkerHeartbeat;
  /** Writes into the history what no record of the database changed with. */
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
          description: 'Read by page only.',
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
          summary: 'Put a failed or cancelled job in line again, with all its attempts',
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
          summary: 'Cancel a job: what waits never runs, what runs is asked to stop',
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
          summary: 'Forget a job that is not active',
          description: 'Its result and its log are gone with it.',
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
          summary: 'All queues and workers: how much there is, and how fast it goes',
          description: 'Each job has a queue of its own. Workers are listed by their signs of life.',
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
        summary: 'Take nothing more out of a queue; what is put in waits',
        description: 'On every instance. What is under way is finished.',
      },
      resume: {
        operationId: 'resumeQueue',
        summary: 'Take out of a queue again',
        description: 'On every instance, beginning with what has waited longest.',
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
