/** Writes docs/errors.md from the error table: `npm run docs`. */
import { fileURLToPath } from 'node:url';
import { errorTable } from '../src/errors.js';
import { writeFileAtomic } from '../src/model/write-file-atomic.js';

export function errorReference(): string {
  const rows = Object.entries(errorTable).map(([code, { status, title }]) => `| ${code} | ${status} | ${title} |`);
  return `# Errors

Written by \`npm run docs\`. The command line prints \`matvit: title: detail [CODE]\` and exits with 1; the service answers
with the HTTP status and problem details: \`{"type": "urn:matvit:CODE", "title", "status", "detail", "code", "request"}\`.
Codes are stable: programs may rely on them, not on the texts. \`request\` is the request's id, as in the log and in
\`X-Request-Id\`; problems inside an answer (of one of a batch, of a picture, of a job) and those of
what never became a request have none.

Some errors pass by themselves, and the same request may be sent again:

- 503, after the seconds that its \`Retry-After\` names. (The 503 of \`/healthz\` and \`/readyz\` on a server that is stopping has
  neither problem details nor that header.)
- 429, after its \`Retry-After\`.
- 409 \`INDEX_LOCKED\` and \`JOB_RUNNING\`, when the other process or job has ended.
- 408 \`REQUEST_TIMEOUT\` and 422 \`URL_UNREACHABLE\`, if the network was at fault.

Other 4xx mostly come again until the request, or what it asks about, has changed. Of a 500 the server's log has more.

\`matvit/client\` throws these codes too, and two of its own: \`UNREACHABLE\` when there was no answer, and \`HTTP_\` with the
status, such as \`HTTP_502\`, when the answer was neither what was asked for nor problem details: a proxy's, for instance. Its
\`retryAfter\` are the seconds of \`Retry-After\`.

| code | HTTP status | what happened |
| --- | --- | --- |
${rows.join('\n')}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFileAtomic('docs/errors.md', errorReference());
