import { code, GENERATED, page, table } from './markdown.mjs';

/** What each code means, and what is to be done about it. A code without words here stops the writing of the page. */
const MEANINGS = {
  BLOB_UNKNOWN: ['this repository has no such blob', 'check the digest; a blob of another repository does not count'],
  BLOB_UPLOAD_INVALID: ['an upload was not done as the specification says', 'the message names the rule'],
  BLOB_UPLOAD_UNKNOWN: ['the upload session has ended, or was never here', 'begin a new upload'],
  DIGEST_INVALID: ['a digest is malformed, or the bytes do not hash to it', 'the message names the rule'],
  MANIFEST_BLOB_UNKNOWN: ['a manifest names a blob that its repository does not have', 'upload the blob first'],
  MANIFEST_INVALID: ['a manifest breaks a rule', 'the message names the rule'],
  MANIFEST_UNKNOWN: ['no manifest has this tag or digest, here or at the upstream', 'check the reference'],
  NAME_INVALID: ['a repository name or a tag breaks a rule', 'the message names the rule'],
  NAME_UNKNOWN: ['there is no such repository', 'check the name; a name without a domain is local here'],
  SIZE_INVALID: ['something is larger than its limit', 'the message says how large it may be'],
  UNAUTHORIZED: ['nobody said who asks, or the upstream wants a login', 'log in, or give the upstream a credential'],
  DENIED: ['who asks may not do this, or an address may not be contacted', 'the message says what would allow it'],
  UNSUPPORTED: ['this installation does not do that', 'the header `Allow` says what it does'],
  TOOMANYREQUESTS: [
    'an upstream limits how often it is asked',
    'wait for `Retry-After`; a login often raises the limit',
  ],
  UNAVAILABLE: ['the database, the store, a service or an upstream is away', 'ask again after `Retry-After`'],
  CONFLICT: ['it cannot be done as things are now', 'the message says what is in the way'],
  PRECONDITION: ['things are not as the request says they must be', 'read them anew, and ask again'],
  GONE: ['what was asked for was here and is not any more', 'pull or push it again'],
  TIMEOUT: ['it took too long, and whether it happened is unknown', 'ask; never assume'],
  CANCELLED: ['the request was called off before it ended', 'ask again if it is still wanted'],
  STALE: ['another writer has the upload, or the offset is not where its bytes end', 'read the offset and go on there'],
  RANGE_INVALID: ['the range lies outside of what there is', 'the header `Content-Range` says how much there is'],
  NOT_FOUND: ['there is nothing at this path', 'check the path'],
  INVALID: ['a field of the request breaks a rule', 'the message names the field and the rule'],
  UPSTREAM: ['an upstream answered wrongly', 'the message says how; it is tried again where that may help'],
  INTERNAL: ['a fault of Entrepot itself', 'the log of the service says more; please report it'],
};

/** `errors.md`: every code, what it means, and the HTTP status that it becomes. */
export function errorsPage({ errors }) {
  return page(
    GENERATED,
    '# Errors',
    'One set of codes everywhere: in answers under `/v2/` (`{"errors": [{"code", "message", "detail"}]}`), in problems of the REST API (RFC 9457, with `code`, and `field` and `rule` where a request is wrong), in the `error` of a failed operation, and between services. Messages are written for the person who asked, and hold no secret. Only the gateway knows HTTP statuses.',
    '## Codes of the OCI distribution specification',
    codes(errors.oci),
    '## Codes of Entrepot',
    'For what the specification has no code.',
    codes(errors.own),
  );
}

function codes(rows) {
  return table(
    ['Code', 'HTTP', '`Retry-After`', 'What happened', 'What to do'],
    rows.map(({ code: name, status, retryAfter }) => {
      if (!(name in MEANINGS)) throw new Error(`scripts/docs/errors-page.mjs does not say what ${name} means`);
      const wait = retryAfter === undefined ? '' : `${retryAfter} s, unless it is known better`;
      return [code(name), status, wait, ...MEANINGS[name]];
    }),
  );
}
