/**
 * The gateway for clients that speak the OpenAI API: `POST /v1/chat/completions`, `POST /v1/completions`, `GET /v1/models`
 * and `GET /v1/models/{name}`, over the same use cases as GraphQL. The generation behind an answer has the id that
 * follows `chatcmpl-` or `cmpl-`.
 */
import { logUnexpected, type RequestContext } from "../../app/request.ts";
import type { Model } from "../../app/types.ts";
import { GeodesicError, NotFoundError, toErrorRecord } from "../../errors.ts";
import { MAX_BODY_BYTES } from "../graphql.ts";
import { readJson } from "../request_body.ts";
import { streamedAnswer, untilAborted, wholeAnswer } from "./answer.ts";
import { type AnswerShape, chatShape, textShape } from "./chunks.ts";
import { NoSuchEndpointError, openAiErrorResponse } from "./errors.ts";
import { inSentNames } from "./parameters.ts";
import { type CompletionRequest, readChatRequest, readTextRequest } from "./requests.ts";

const MODELS_PATH = "/v1/models";
/** As many models as one answer lists. */
const MAX_MODELS = 1000;

/** Answers whatever lies under /v1/; errors included. */
export async function openAiResponse(request: Request, url: URL, context: RequestContext): Promise<Response> {
  try {
    return await route(request, url, context);
  } catch (error) {
    if (!(error instanceof GeodesicError)) {
      logUnexpected(context.log, "unexpected error in a request", error, { requestId: context.requestId });
    }
    return openAiErrorResponse(toErrorRecord(error), context.requestId);
  }
}

async function route(request: Request, url: URL, context: RequestContext): Promise<Response> {
  const { pathname } = url;
  const { method } = request;
  const key = request.headers.get("idempotency-key");
  const body = () => readJson(request, MAX_BODY_BYTES);
  if (method === "POST" && pathname === "/v1/chat/completions") {
    return await complete(readChatRequest(await body(), key), chatShape, context);
  }
  if (method === "POST" && pathname === "/v1/completions") {
    return await complete(readTextRequest(await body(), key), textShape, context);
  }
  const isRead = method === "GET" || method === "HEAD";
  if (isRead && pathname === MODELS_PATH) return Response.json(await listModels(context));
  if (isRead && pathname.startsWith(`${MODELS_PATH}/`)) {
    return Response.json(await findModel(pathname.slice(MODELS_PATH.length + 1), context));
  }
  throw new NoSuchEndpointError(method, pathname, methodsOf(pathname));
}

function methodsOf(path: string): readonly string[] {
  if (path === "/v1/chat/completions" || path === "/v1/completions") return ["POST"];
  return path === MODELS_PATH || path.startsWith(`${MODELS_PATH}/`) ? ["GET", "HEAD"] : [];
}

async function complete(
  request: CompletionRequest,
  shapeOf: ShapeOf,
  context: RequestContext,
): Promise<Response> {
  try {
    return await answer(request, shapeOf, context);
  } catch (error) {
    throw inSentNames(error, request.sent);
  }
}

type ShapeOf = (facts: { generation: Awaited<ReturnType<Start>>; request: CompletionRequest }) => AnswerShape;

async function answer(
  request: CompletionRequest,
  shapeOf: ShapeOf,
  context: RequestContext,
): Promise<Response> {
  const { gateway, principal, signal, requestId, log } = context;
  await using cleanup = new AsyncDisposableStack();
  const place = cleanup.use(context.openStream());
  const generation = await gateway.generations.start(principal, request.input);
  const shape = shapeOf({ generation, request });
  const abort = new AbortController();
  const both = AbortSignal.any([signal, abort.signal]);
  const watch = { signal: both, coalesce: true };
  const events = untilAborted(gateway.generations.events(principal, generation.id, watch), both);
  if (!request.stream) return Response.json(await wholeAnswer(events, shape));
  cleanup.move(); // The stream frees the place.
  const reportError = (error: unknown) =>
    logUnexpected(log, "unexpected error in a stream", error, { requestId });
  const { includeUsage } = request;
  return new Response(
    streamedAnswer(events, shape, { requestId, includeUsage, abort, place, reportError }),
    {
      headers: {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
      },
    },
  );
}
type Start = RequestContext["gateway"]["generations"]["start"];

async function listModels({ gateway }: RequestContext) {
  const data: unknown[] = [];
  let after: string | undefined;
  while (data.length < MAX_MODELS) {
    const page = await gateway.models.list({ first: 100, ...after === undefined ? {} : { after } });
    data.push(...page.edges.map(({ node }) => toModelObject(node)));
    after = page.edges.at(-1)?.cursor;
    if (!page.hasNextPage || after === undefined) break;
  }
  return { object: "list", data };
}

async function findModel(path: string, { gateway }: RequestContext) {
  const name = decoded(path);
  const model = await gateway.models.get({ name });
  if (model === null) {
    throw new NotFoundError(`No model named "${name}": GET /v1/models lists them`, { field: "model" });
  }
  return toModelObject(model);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // No name has a lone percent sign.
  }
}

function toModelObject({ name, author, createdAt, servedContextLength }: Model) {
  return {
    id: name,
    object: "model",
    created: Math.floor(createdAt.getTime() / 1000),
    owned_by: author ?? "geodesic",
    max_model_len: servedContextLength,
  };
}
