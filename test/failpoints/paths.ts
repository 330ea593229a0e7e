import type { Path } from './path';
import { busUser } from './paths/bus-users';
import { cancel } from './paths/cancel';
import { pause, prune, schedule, scheduledTime } from './paths/cleanup';
import { client, longRead } from './paths/client';
import { compose, composeAgain, composeByCopy, composeSlowly, startInComposing } from './paths/compose';
import { configs } from './paths/configs';
import { firstStart, firstStartOnS3 } from './paths/first-start';
import { forget } from './paths/forget';
import { check } from './paths/fsck';
import { journal, rebuild, startRestored } from './paths/journal';
import { lost } from './paths/lost';
import { message, poison, refusedMessage, replay } from './paths/message';
import { heldPull, pull, pullBesideOthers, pullToS3 } from './paths/pull';
import { remove, removeFromS3, startInPurge, startInPurgeOnS3, startToPurge } from './paths/remove';
import { scrub } from './paths/scrub';
import { slowPull } from './paths/slow-pull';
import { tooLargeFact } from './paths/small-messages';
import { startInPull, stop } from './paths/start';
import { startAfterUpload, upload } from './paths/upload';
import { usage } from './paths/usage';
import { wrongBytes } from './paths/wrong-bytes';
import type { PlaceName } from './places';
import { ONE_PROGRAM_ONLY } from './source-points';

/** Every path, those of one place after each other. */
export const PATHS: readonly Path[] = [
  scheduledTime,
  firstStart,
  startRestored,
  rebuild,
  pull,
  slowPull,
  heldPull,
  startInPull,
  client,
  longRead,
  message,
  refusedMessage,
  poison,
  replay,
  cancel,
  wrongBytes,
  lost,
  scrub,
  journal,
  forget,
  usage,
  configs,
  prune,
  pause,
  schedule,
  busUser,
  upload,
  startAfterUpload,
  remove,
  startToPurge,
  startInPurge,
  check,
  stop,
  firstStartOnS3,
  pullToS3,
  removeFromS3,
  compose,
  composeByCopy,
  composeSlowly,
  composeAgain,
  startInComposing,
  startInPurgeOnS3,
  pullBesideOthers,
  tooLargeFact,
];

const FIVE: Readonly<Partial<Record<PlaceName, PlaceName>>> = {
  folder: 'five services',
  s3: 'five services on S3',
  'small messages': 'five services on small messages',
};

/** The same where five processes do it. */
export const PATHS_OF_FIVE: readonly Path[] = PATHS.flatMap((path) => {
  const place = FIVE[path.place];
  const owns = path.owns.filter((step) => !(step in ONE_PROGRAM_ONLY));
  return place ? [{ ...path, place, owns }] : [];
});
