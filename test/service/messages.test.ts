import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import express from 'express';
import { messagesOf } from '../../src/service/messages.js';

describe('messagesOf', () => {
  it('gives requests and responses from the first the prototypes that Express would set', () => {
    const application = express();
    const { IncomingMessage, ServerResponse } = messagesOf(application);
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    assert.equal(Object.getPrototypeOf(request), application.request);
    assert.equal(Object.getPrototypeOf(response), application.response);
    for (const message of [request, response]) assert.equal((message as unknown as { app: unknown }).app, application);
    assert.equal((request as unknown as express.Request).get('Host'), undefined);
    assert.equal((response as unknown as express.Response).status(404).statusCode, 404);
  });
});
