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
\`X-Request-Id\`; the problem of one part of a batch has none.

\`matvit/client\` throws these codes too, and two of its own: \`UNREACHABLE\` when there was no answer, and \`HTTP_\` with the
status, such as \`HTTP_502\`, when the answer was an error but no problem details: a proxy's, for instance.

| code | HTTP status | what happened |
| --- | --- | --- |
${rows.join('\n')}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFileAtomic('docs/errors.md', errorReference());
