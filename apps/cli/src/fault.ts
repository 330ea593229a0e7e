import { z } from 'zod';
import { plain } from './plain';

export const EXIT = { well: 0, failed: 1, usage: 2, notFound: 3, denied: 4, conflict: 5, interrupted: 130 } as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** Why the command did not do it: one message for a person, one exit code for a program. */
export class Fault extends Error {
  override readonly name = 'Fault';
  constructor(
    message: string,
    readonly exit: Exit = EXIT.failed,
    /** What the server says of it for programs: whoever reads it knows its shape. Its texts are not made plain. */
    readonly about?: unknown,
  ) {
    super(plain(message));
  }
}

/** RFC 9457, as the REST API answers. */
export const ProblemSchema = z.looseObject({
  status: z.number().int().optional(),
  detail: z.string().optional(),
  title: z.string().optional(),
  code: z.string().optional(),
  field: z.string().optional(),
  about: z.unknown().optional(),
});
export type Problem = z.output<typeof ProblemSchema>;

const BY_CODE: readonly [codes: RegExp, exit: Exit][] = [
  [/^(UNAUTHORIZED|DENIED)$/, EXIT.denied],
  [/^(CONFLICT|PRECONDITION|STALE)$/, EXIT.conflict],
  [/(^NOT_FOUND|^GONE|_UNKNOWN)$/, EXIT.notFound],
  [/(^INVALID|^NAME_INVALID|^DIGEST_INVALID|^SIZE_INVALID)$/, EXIT.usage],
];

const BY_STATUS: Readonly<Record<number, Exit>> = {
  400: EXIT.usage,
  401: EXIT.denied,
  403: EXIT.denied,
  404: EXIT.notFound,
  409: EXIT.conflict,
  410: EXIT.notFound,
  412: EXIT.conflict,
  413: EXIT.usage,
  422: EXIT.usage,
};

/** The code says more than the status; neither of them known is a failure. */
export function exitOf({ code = '', status = 0 }: { code?: string | undefined; status?: number | undefined }): Exit {
  const byCode = BY_CODE.find(([codes]) => codes.test(code));
  return byCode?.[1] ?? (code === '' ? BY_STATUS[status] : undefined) ?? EXIT.failed;
}

export function problemFault(problem: Problem): Fault {
  const { detail, title, status, code, field, about } = problem;
  const message = detail ?? title ?? `the server answered ${status}`;
  const where = field !== undefined && !message.includes(field) ? `${field}: ` : '';
  return new Fault(`${where}${message}`, exitOf({ code, status }), about);
}
