import { StoreBusy } from './store-busy';

/** What to do about what an S3 API answers; `%` is the bucket. */
const REMEDIES: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'it does not know the access key: set ENTREPOT_S3_ACCESS_KEY',
  SignatureDoesNotMatch:
    'the signature is wrong: set ENTREPOT_S3_SECRET_KEY; if that is right, a proxy on the way changes Host or the path',
  RequestTimeTooSkewed: 'the clocks differ by too much: set the clock of this machine, or that of the store',
  AccessDenied: 'the key may not do this: let it list, read, write and delete in the bucket %, or make it',
  AllAccessDisabled: 'the bucket % is closed: open it, or set ENTREPOT_S3_BUCKET',
  NoSuchBucket: 'the bucket % is not there any more: bring it back, with what was in it',
  BucketAlreadyExists: 'the bucket % is somebody else’s: set ENTREPOT_S3_BUCKET',
  InvalidBucketName: 'it takes no bucket named %: set ENTREPOT_S3_BUCKET',
  AuthorizationHeaderMalformed: 'it is in another region: set ENTREPOT_S3_REGION',
  IllegalLocationConstraintException: 'it is in another region: set ENTREPOT_S3_REGION',
  InvalidRegion: 'it is in another region: set ENTREPOT_S3_REGION',
  MovedPermanently: 'the bucket % is in another region: set ENTREPOT_S3_REGION and ENTREPOT_S3_ENDPOINT',
  PermanentRedirect: 'the bucket % is in another region: set ENTREPOT_S3_REGION and ENTREPOT_S3_ENDPOINT',
  ECONNREFUSED: 'nothing listens there: start it, or set ENTREPOT_S3_ENDPOINT',
  ENOTFOUND: 'there is no host of that name: set ENTREPOT_S3_ENDPOINT',
  EAI_AGAIN: 'its name cannot be looked up at the moment',
  EPROTO: 'it does not speak TLS: set ENTREPOT_S3_ENDPOINT with http://',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name: set ENTREPOT_S3_ENDPOINT',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by nobody known: name its authority in NODE_EXTRA_CA_CERTS',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by nobody known: name its authority in NODE_EXTRA_CA_CERTS',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate is signed by nobody known: name its authority in NODE_EXTRA_CA_CERTS',
};

/** What a failure of the store means, in words that say what to do; never a secret. */
export function explainStorageFault(error: unknown, { bucket }: { readonly bucket: string }): string {
  const { code, message } = Object(error instanceof StoreBusy ? error.cause : error) as {
    code?: string;
    message?: string;
  };
  const remedy = code === undefined ? undefined : REMEDIES[code];
  // The client throws what it read of an answer as it is, where a part's copy was answered well and had failed.
  const whole = () => (error instanceof Error ? String(error) : JSON.stringify(error));
  const said = [code, message].filter((each) => each !== undefined && each !== '').join(': ') || whole();
  return remedy === undefined ? said : `${remedy.replaceAll('%', bucket)} (${said})`;
}
