/** What happened, as topics see it. */
export interface Happening {
  /** The event's type, or what a source says: `progress`. */
  kind: string;
  /** The record that it is about: `user:0195…`. */
  target: string;
  /** The version that the change gave that record; null where records have none. */
  version: number | null;
  at: Date;
  /** Percent done, of a job. */
  progress?: number;
}

/** An event that was committed, on any instance. */
export interface CommittedEvent extends Happening {
  id: string;
  /** The user in whose own history it appears. */
  userId: string | null;
}

/** What people can follow: a part lists its topics, `topics: [topicOf('schedules', 'GET:/api/v1/admin/schedules', 'schedule')]`. */
export interface Topic {
  /** `schedules`, or with a parameter, `user:{id}`. */
  name: string;
  /** The code of the route that it stands for: who may call that may follow. Null: one's own, `{id}` is the subject that follows. */
  permission: string | null;
  /**
   * Whether a person (or a service), by their id, may follow it with this parameter, besides what `permission` asks. Asked again after every event
   * with `evicts`.
   */
  admits?(subjectId: string, parameter: string): Promise<boolean>;
  /** Which of its followers an event is for: the parameter, '' without one, or null for none. */
  about?(event: CommittedEvent): string | null;
  /** Another source than events, looked at while somebody follows. Answers how to stop looking. */
  watch?(tell: (happening: Happening) => void): () => void;
}

/** The events about one kind of record: one line for a module. */
export function topicOf(name: string, permission: string, kind: string): Topic {
  return { name, permission, about: ({ target }) => (target.startsWith(`${kind}:`) ? '' : null) };
}
