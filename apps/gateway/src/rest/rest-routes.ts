import type { RestRoute } from './rest-route';
import { BUS_USER_ROUTES } from './routes/bus-users';
import { BYTE_ROUTES } from './routes/bytes';
import { CLEANUP_ROUTES } from './routes/cleanup';
import { CONTAINER_ROUTES } from './routes/containers';
import { IMAGE_ROUTES } from './routes/images';
import { INSPECT_ROUTES } from './routes/inspect';
import { NAME_ROUTES } from './routes/names';
import { NEWS_ROUTES } from './routes/news';
import { OPERATION_ROUTES } from './routes/operations';
import { SCHEDULE_ROUTES } from './routes/schedules';
import { TRASH_ROUTES } from './routes/trash';
import { WHY_ROUTES } from './routes/why';

/** Every route of the REST API. */
export const REST_ROUTES: readonly RestRoute[] = [
  ...OPERATION_ROUTES,
  ...IMAGE_ROUTES,
  ...INSPECT_ROUTES,
  ...WHY_ROUTES,
  ...TRASH_ROUTES,
  ...NAME_ROUTES,
  ...BYTE_ROUTES,
  ...CONTAINER_ROUTES,
  ...NEWS_ROUTES,
  ...CLEANUP_ROUTES,
  ...SCHEDULE_ROUTES,
  ...BUS_USER_ROUTES,
];
