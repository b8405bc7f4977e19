import { type Access, type Actor, isSessionActor } from '../../platform/http/caller.ts';
import type { RouteCatalogue } from '../../platform/http/catalogue.ts';
import type { Authorize, Need } from '../../platform/http/guard.ts';
import { isId } from '../../platform/ids.ts';
import type { CommittedEvent, Topic } from '../../platform/websocket/topic.ts';

/** A topic with its parameter, as a client names it and as the hub knows it. */
export interface NamedTopic {
  topic: Topic;
  /** '' where it has none. */
  parameter: string;
  /** The name in the hub; one's own topics of different people differ. */
  key: string;
}

export interface Topics {
  /** Null if there is no such topic. */
  find(name: string, actor: Actor): NamedTopic | null;
  /** Null if the actor may follow it; else the code of the refusal of the route that it stands for. */
  refusal(named: NamedTopic, actor: Actor): Promise<string | null>;
  /** The hub's names of the topics that an event is for. */
  keysOf(event: CommittedEvent): string[];
  all(): readonly Topic[];
}

const PARAMETER = '{id}';

/** All topics of the parts. Throws a `TypeError` if two have the same name, or one stands for a route that does not exist. */
export function createTopics(
  all: readonly Topic[],
  { catalogue, authorize }: { catalogue: RouteCatalogue; authorize: Authorize },
): Topics {
  const byStem = new Map<string, Topic>();
  for (const topic of all) {
    const stem = stemOf(topic.name);
    if (byStem.has(stem)) throw new TypeError(`Two topics have the name ${topic.name}.`);
    if (topic.permission !== null && !catalogue.find(topic.permission)) {
      throw new TypeError(`The topic ${topic.name} stands for ${topic.permission}, which is no route.`);
    }
    byStem.set(stem, topic);
  }

  async function isGranted(actor: Actor, need: Need): Promise<string | null> {
    const decision = await authorize(actor, need, {});
    if (decision === 'granted') return null;
    if (decision === 'mfa_required') return decision;
    return decision === 'out_of_scope' ? 'scope_insufficient' : 'forbidden';
  }

  return {
    all: () => all,

    find(name, actor) {
      const topic = byStem.get(stemOf(name));
      if (!topic) return null;
      if (topic.permission === null) {
        const key = keyOf(topic, actor.subject.id);
        return name === topic.name ? { topic, parameter: '', key } : null;
      }
      const parameter = parameterOf(name);
      if (topic.name.endsWith(PARAMETER) ? !isId(parameter) : name !== topic.name) return null;
      return { topic, parameter, key: keyOf(topic, parameter) };
    },

    async refusal({ topic: { permission, admits }, parameter }, actor) {
      // About one's own account, which is no matter of programs, however wide their scopes are.
      if (permission === null) return isSessionActor(actor) ? null : 'credential_refused';
      if (admits && !(await admits(actor.subject.id, parameter))) return 'forbidden';
      const route = catalogue.find(permission);
      if (!route) return 'not_found';
      if (!route.admitsMachines && !isSessionActor(actor)) return 'credential_refused';
      return refusalOf(route.access, actor, (need) => isGranted(actor, need), permission);
    },

    keysOf(event) {
      return all.flatMap((topic) => {
        const parameter = topic.about?.(event) ?? null;
        return parameter === null ? [] : keyOf(topic, parameter);
      });
    },
  };
}

function refusalOf(
  access: Access,
  actor: Actor,
  isGranted: (need: Need) => Promise<string | null>,
  permission: string,
): Promise<string | null> | string | null {
  if (access === 'permission') return isGranted({ permission });
  if (typeof access === 'object') return isGranted(access);
  if (access === 'verified' && !actor.emailVerified) return 'email_unverified';
  return null;
}

const stemOf = (name: string): string => name.split(':', 1)[0] ?? '';
const parameterOf = (name: string): string => name.slice(stemOf(name).length + 1);
const keyOf = (topic: Topic, parameter: string): string =>
  parameter === '' ? topic.name : `${stemOf(topic.name)}:${parameter}`;
