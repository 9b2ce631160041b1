/**
 * What the daemon uses of `node:http`. An `import` of that module evaluates each of its exports, and one of them is a
 * WebSocket client whose code holds 3 MB (tried, Node 24.21); asked for this way it is never loaded.
 */
export const { createServer, IncomingMessage } = process.getBuiltinModule('node:http');
