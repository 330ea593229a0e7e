/**
 * The settings of the five services as the standalone program runs them: on the database that it started or was given,
 * and the folder store in its data folder. What a person set stays.
 */
export function warehouseEnvironment(
  env: NodeJS.ProcessEnv,
  { databaseUrl, blobsFolder }: { databaseUrl: string; blobsFolder: string },
): NodeJS.ProcessEnv {
  return { ENTREPOT_STORE_FOLDER: blobsFolder, ...env, DATABASE_URL: databaseUrl };
}
