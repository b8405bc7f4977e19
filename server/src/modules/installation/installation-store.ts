/** The id of the installation: of all servers on this database. */
export interface InstallationStore {
  /** The id; null before the first start. */
  find(): Promise<string | null>;
  /** False if there is one. */
  insert(id: string): Promise<boolean>;
}
