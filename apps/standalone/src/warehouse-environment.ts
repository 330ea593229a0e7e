/**
 * The settings of the five services as the standalone program runs them: on the database that it started or was given,
 * the folder store in its data folder, and the bus that it started, if it did. What a person set stays.
 */
export function warehouseEnvironment(
  env: NodeJS.ProcessEnv,
  {
    databaseUrl,
    blobsFolder,
    issuerFile,
  }: { databaseUrl: string; blobsFolder: string; issuerFile?: string | undefined },
): NodeJS.ProcessEnv {
  const issuer =
    issuerFile === undefined ? {} : { ENTREPOT_NATS_ISSUER: undefined, ENTREPOT_NATS_ISSUER_FILE: issuerFile };
  return { ENTREPOT_STORE_FOLDER: blobsFolder, ...env, ...issuer, DATABASE_URL: databaseUrl };
}
