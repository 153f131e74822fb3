// An identity provider for tests: oidc-provider with one client. The first argument is
// the client's callback address. It says its issuer on a line, and ends with its stdin.
import http from 'node:http';
import Provider from 'oidc-provider';

const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'callbox', client_secret: 'a secret for tests', redirect_uris: [process.argv[2]],
      grant_types: ['authorization_code'], response_types: ['code'],
    }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    scopes: ['openid', 'email', 'profile', 'groups'],
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: `account of ${id}`, email: id, email_verified: true, name: id, groups: ['guards'] }),
    }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
process.stdin.on('end', () => process.exit(0)).resume();
