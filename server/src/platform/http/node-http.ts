/**
 * The used parts of Node's HTTP module. An import of `node:http` would read all its exports, one of which
 * (`WebSocket`) loads Node's HTTP client: 6 MB and a tenth of the start.
 */
export const { IncomingMessage, STATUS_CODES, ServerResponse } = process.getBuiltinModule('node:http');
