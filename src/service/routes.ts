import { backupRoute } from './backup.js';
import { frontierRoute } from './frontier.js';
import { healthRoutes } from './health.js';
import { imageRoutes } from './images.js';
import { indexStatusRoute } from './index-status.js';
import { jobRoutes } from './job-routes.js';
import { metricsRoute } from './metrics.js';
import type { Route } from './route.js';
import { searchRoutes } from './search.js';
import type { Service } from './service.js';
import { writingRoutes } from './writing.js';

/** Every route of the API, in the order of its documentation. */
export const routesOf = (service: Service): Route[] => [
  ...searchRoutes(service),
  frontierRoute(service),
  ...imageRoutes(service),
  ...writingRoutes(service),
  indexStatusRoute(service),
  ...jobRoutes(service),
  backupRoute(service),
  ...healthRoutes(service),
  metricsRoute(service),
];
