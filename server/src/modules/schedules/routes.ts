import { Type } from 'typebox';
import { callerOf } from '../../platform/http/caller.ts';
import { type Lists, listArray, listSchema } from '../../platform/http/paging.ts';
import type { HttpServer } from '../../platform/http/routes.ts';
import type { Jobs } from '../../platform/queue/jobs.ts';
import type { JobQueue } from '../../platform/queue/queue.ts';
import type { EventRecord, EventStore } from '../events/event-store.ts';
import type { Schedules } from './schedules.ts';
import {
  createScheduleBody,
  patchScheduleBody,
  previewBody,
  previewSchema,
  runSchema,
  runView,
  scheduleParams,
  scheduleSchema,
  schedulesQuery,
  scheduleView,
  toInput,
} from './schemas.ts';

const TAGS = ['Background work'];
const PREVIEWED = 10;

/** Periodic jobs, for administrators. */
export function scheduleRoutes(deps: {
  schedules: Schedules;
  eventStore: EventStore;
  jobs: Jobs;
  queue: JobQueue;
  list: Lists;
}) {
  const { schedules, eventStore, jobs, queue, list } = deps;

  /** A run, with the state of its job. */
  async function withJob(event: EventRecord) {
    const { job } = event.data;
    if (typeof job !== 'string') return runView(event, null);
    const id = jobs.idOf(job, event.id);
    return runView(event, { id, state: (await queue.find(id))?.state ?? null });
  }

  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/admin/schedules',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'listSchedules',
          summary: 'All schedules, by name',
          description: 'Those defined in the code, and those that administrators created.',
          tags: TAGS,
          querystring: schedulesQuery,
          response: { 200: listSchema(scheduleSchema) },
        },
      },
      async (request) => {
        const page = await list(
          request.query,
          listArray('schedules', await schedules.list(), ({ name }) => name),
        );
        return { ...page, items: page.items.map(scheduleView) };
      },
    );

    app.post(
      '/admin/schedules',
      {
        config: { access: 'permission', errors: ['schedule_name_taken'] },
        schema: {
          operationId: 'createSchedule',
          summary: 'Create a schedule',
          description:
            'Runs a job by an interval, a cron expression, or the sun at a place. Jobs that follow from events, such as sending a mail, cannot be scheduled; a timing must have a tick in the future.',
          tags: TAGS,
          body: createScheduleBody,
          response: { 201: scheduleSchema },
        },
      },
      async (request, reply) => {
        const schedule = await schedules.create(callerOf(request), toInput(request.body));
        return reply.code(201).send(scheduleView(schedule));
      },
    );

    app.post(
      '/admin/schedules/preview',
      {
        config: { access: 'permission' },
        schema: {
          operationId: 'previewTiming',
          summary: 'The next ticks of a timing',
          description: 'Nothing is stored, and nothing runs.',
          tags: TAGS,
          body: previewBody,
          response: { 200: previewSchema },
        },
      },
      async (request) => {
        const { timing, count = PREVIEWED, from } = request.body;
        const options = { count, ...(from !== undefined && { from: new Date(from) }) };
        return { ticks: schedules.preview(timing, options) };
      },
    );

    app.get(
      '/admin/schedules/:id',
      {
        config: { access: 'permission', errors: ['schedule_not_found'] },
        schema: {
          operationId: 'getSchedule',
          summary: 'A schedule',
          description: 'With its next tick, and the latest one for which it ran.',
          tags: TAGS,
          params: scheduleParams,
          response: { 200: scheduleSchema },
        },
      },
      async (request) => scheduleView(await schedules.get(request.params.id)),
    );

    app.patch(
      '/admin/schedules/:id',
      {
        config: {
          access: 'permission',
          ifMatch: true,
          errors: ['schedule_not_found', 'schedule_in_code', 'schedule_name_taken'],
        },
        schema: {
          operationId: 'updateSchedule',
          summary: 'Change a schedule; takes effect within a second, on every instance',
          description: 'Changes only the fields in the body. A schedule of the code can only be enabled or disabled.',
          tags: TAGS,
          params: scheduleParams,
          body: patchScheduleBody,
          response: { 200: scheduleSchema },
        },
      },
      async (request) =>
        scheduleView(await schedules.change(callerOf(request), request.params.id, toInput(request.body))),
    );

    app.delete(
      '/admin/schedules/:id',
      {
        config: { access: 'permission', ifMatch: true, errors: ['schedule_not_found', 'schedule_in_code'] },
        schema: {
          operationId: 'deleteSchedule',
          summary: 'Delete a schedule',
          description: 'Jobs that it has enqueued still run. A schedule of the code cannot be deleted.',
          tags: TAGS,
          params: scheduleParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await schedules.remove(callerOf(request), request.params.id);
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/admin/schedules/:id/run',
      {
        config: { access: 'permission', errors: ['schedule_not_found'] },
        schema: {
          operationId: 'runSchedule',
          summary: 'Run the job of a schedule now',
          description: 'Also if the schedule is disabled; its next tick does not change.',
          tags: TAGS,
          params: scheduleParams,
          response: { 202: Type.Object({ jobId: Type.String() }, { title: 'ScheduleRunRequested' }) },
        },
      },
      async (request, reply) => {
        const jobId = await schedules.run(callerOf(request), request.params.id);
        return reply.code(202).send({ jobId });
      },
    );

    app.get(
      '/admin/schedules/:id/runs',
      {
        config: { access: 'permission', errors: ['schedule_not_found'] },
        schema: {
          operationId: 'listScheduleRuns',
          summary: 'The runs of a schedule and the states of their jobs, the latest first',
          description: 'Ticks, missed ticks, and requested runs.',
          tags: TAGS,
          params: scheduleParams,
          querystring: schedulesQuery,
          response: { 200: listSchema(runSchema) },
        },
      },
      async (request) => {
        const { id } = await schedules.get(request.params.id);
        const filter = { target: `schedule:${id}`, type: 'schedule_run.*' };
        const page = await list(request.query, {
          name: `runs of ${id}`,
          read: ({ after, skip, limit }) => eventStore.list(filter, { before: after, skip, limit }),
          count: (limit) => eventStore.count(filter, limit),
          keyOf: (event) => event.id,
        });
        return { ...page, items: await Promise.all(page.items.map(withJob)) };
      },
    );
  };
}
