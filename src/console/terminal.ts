/** What a command is given of the process that it runs in. */
export type Terminal = Readonly<{
  stateDir: string;
  input: AsyncIterable<Buffer | string>;
  /** The width of the terminal; undefined when the output is a file or a pipe. */
  columns: number | undefined;
  now: () => number;
  out: (text: string) => void;
  err: (text: string) => void;
}>;
