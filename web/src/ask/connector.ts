/** Who connects an app: the phone itself by its credential, or its person, signed in, for one of their phones. */
export type Connector = Readonly<{ phone: string; phoneName: string; token?: string }>;

/** What goes with a request of theirs. */
export function asConnector({ token }: Connector): { token?: string } {
  return token === undefined ? {} : { token };
}
