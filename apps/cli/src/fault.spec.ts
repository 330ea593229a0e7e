import { ENTREPOT_ERROR_CODES, OCI_ERROR_CODES } from '#oci/registry-error';
import { exitOf, ProblemSchema, problemFault } from './fault';

describe('exit codes', () => {
  it.each([
    ['NOT_FOUND', 404, 3],
    ['MANIFEST_UNKNOWN', 404, 3],
    ['NAME_UNKNOWN', 404, 3],
    ['GONE', 410, 3],
    ['DENIED', 403, 4],
    ['UNAUTHORIZED', 401, 4],
    ['CONFLICT', 409, 5],
    ['PRECONDITION', 412, 5],
    ['INVALID', 400, 2],
    ['NAME_INVALID', 400, 2],
    ['UNAVAILABLE', 503, 1],
    ['TOOMANYREQUESTS', 429, 1],
    ['INTERNAL', 500, 1],
    ['SOMETHING_NEW', 404, 1],
  ])('%s is %d is %d', (code, status, exit) => expect(exitOf({ code, status })).toBe(exit));

  it.each([
    [404, 3],
    [403, 4],
    [409, 5],
    [400, 2],
    [500, 1],
    [302, 1],
  ])('%d without a code is %d', (status, exit) => expect(exitOf({ status })).toBe(exit));

  it('each code of the house has one', () => {
    for (const code of [...OCI_ERROR_CODES, ...ENTREPOT_ERROR_CODES])
      expect([1, 2, 3, 4, 5]).toContain(exitOf({ code }));
  });

  it('the message is the detail, with the field where it does not name it, and steers no terminal', () => {
    expect(problemFault({ status: 400, detail: 'must be one of a, b', field: 'kind' }).message).toBe(
      'kind: must be one of a, b',
    );
    expect(problemFault({ status: 400, detail: 'kind: must be', field: 'kind' }).message).toBe('kind: must be');
    expect(problemFault({ status: 500, title: 'Oops\x1b[31m' }).message).toBe('Oops\\u001b[31m');
    expect(problemFault({ status: 502 }).message).toBe('the server answered 502');
  });

  it('what the answer has for programs stays with it', () => {
    const about = { confirm: 'a', names: ['b'] };
    expect(problemFault(ProblemSchema.parse({ status: 412, detail: 'no', about })).about).toEqual(about);
    expect(problemFault(ProblemSchema.parse({ status: 412, detail: 'no' })).about).toBeUndefined();
  });
});
