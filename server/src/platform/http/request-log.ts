import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Logger } from 'pino';
import { createLineWriter } from '../telemetry/log.ts';
import { clientAddress } from './client-address.ts';

/** Probes arrive every few seconds; successful ones are not informative. */
const QUIET = new Set(['/health', '/ready', '/api/v1/health/liveness', '/api/v1/health/readiness']);

export interface RequestLine {
  requestId: string;
  method: string;
  /** The template of the route, never the URL: paths and queries may contain data that must not be logged. */
  route: string;
  status: number;
  /** Milliseconds. */
  duration: number;
  ip: string;
  userId?: string;
}

/**
 * Logs one line per answered request, instead of Fastify's two. From `slowRequest` milliseconds on it is a
 * warning; probes are logged at `debug`.
 */
export function createRequestLog(log: Logger, slowRequest: number): LogController {
  const controller = new LogController({ disableRequestLogging: true });
  const { start, write } = createLineWriter(log);
  const plain = log.isLevelEnabled('info');
  controller.requestCompleted = (error, request, reply) => {
    const line = lineOf(request, reply);
    if (error) log.warn({ ...line, err: error }, 'request aborted');
    else if (line.duration >= slowRequest) log.warn(line, 'slow request');
    else if (QUIET.has(line.route) && line.status < 500) log.debug(line, 'request');
    else if (plain) write(`${start()}${membersOf(line)},"msg":"request"}\n`);
  };
  return controller;
}

/**
 * The same logger, except that it is its own child. Fastify creates a child per request, which costs more than the
 * line itself, and checks any other way to avoid it each time. Every line names its request itself.
 */
export function childless(log: Logger): Logger {
  const parent: Logger = Object.create(log, { child: { value: () => parent } });
  return parent;
}

function lineOf(request: FastifyRequest, reply: FastifyReply): RequestLine {
  const line: RequestLine = {
    requestId: request.id,
    method: request.method,
    route: request.template,
    status: reply.statusCode,
    duration: Math.round(reply.elapsedTime * 10) / 10,
    ip: clientAddress(request),
  };
  if (request.actor !== null) line.userId = request.actor.subject.id;
  return line;
}

/** Request id, method and address need no escaping in JSON: each was matched or parsed before. */
function membersOf({ requestId, method, route, status, duration, ip, userId }: RequestLine): string {
  const user = userId === undefined ? '' : `,"userId":${JSON.stringify(userId)}`;
  return `,"requestId":"${requestId}","method":"${method}","route":${JSON.stringify(route)},"status":${status},"duration":${duration},"ip":"${ip}"${user}`;
}
