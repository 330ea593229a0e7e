import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Controller, Get, NotFoundException, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pathOf } from '../registry/parse-registry-path';
import { type AnswerHeaders, sendAnswer } from '../registry/send-answer';
import { VERSION } from '../version';
import { openApi } from './open-api';
import { REST_ROUTES } from './rest-routes';

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Entrepot: REST API</title>
<link rel="stylesheet" href="/api/swagger-ui.css">
<link rel="icon" type="image/png" href="/api/favicon-32x32.png">
</head>
<body>
<div id="api"></div>
<noscript>The API is described in <a href="/api/openapi.json">openapi.json</a>.</noscript>
<script src="/api/swagger-ui-bundle.js"></script>
<script src="/api/page.js"></script>
</body>
</html>
`;

/** `validatorUrl` null: nothing about this installation is sent to anybody. */
const PAGE_SCRIPT = `SwaggerUIBundle({ url: '/api/openapi.json', dom_id: '#api', deepLinking: true, validatorUrl: null });\n`;

/** The files of swagger-ui that the page needs; no other is served. */
const FILES: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const SECURITY: AnswerHeaders = {
  // swagger-ui styles its elements inline, and draws its arrows from data: images.
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

/** The REST API's description: as OpenAPI, and as a page to read and try it. All files come from here. */
@Controller()
export class ApiPageController {
  private readonly document = JSON.stringify(openApi(REST_ROUTES, VERSION));

  /** Whoever types the bare address is looking for a page. */
  @Get('/')
  home(@Res() reply: FastifyReply): void {
    sendAnswer(reply, 302, { Location: '/api' });
  }

  @Get(['api', 'api/*'])
  async answer(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const path = pathOf(request.url).replace(/^\/api\/?/, '');
    if (path === '') return send(reply, 'text/html; charset=utf-8', PAGE);
    if (path === 'openapi.json') return send(reply, 'application/json', this.document);
    if (path === 'page.js') return send(reply, 'text/javascript; charset=utf-8', PAGE_SCRIPT);
    const type = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
    if (type === undefined) throw new NotFoundException('there is nothing at this path');
    send(reply, type, await readFile(join(dirname(require.resolve('swagger-ui-dist/package.json')), path)));
  }
}

function send(reply: FastifyReply, type: string, body: string | Uint8Array): void {
  sendAnswer(reply, 200, { 'Content-Type': type, 'Cache-Control': 'no-cache', ...SECURITY }, body);
}
