/** What is sent off the box, whatever the channel: a shape alone. */

export type Message = Readonly<{
  /** Of its row: the same each time that it is tried. 0: a test, tried once. */
  id?: number;
  kind: 'alert' | 'report' | 'test';
  /** One line. */
  subject: string;
  /** Plain text. */
  body: string;
  /** Of an alert that is raised, or the worst of a report; null: all is well. */
  severity: 'act' | 'watch' | null;
  at: number;
  /** The same for programs: codes and figures. Never a file's name. */
  facts: Readonly<Record<string, unknown>>;
}>;
