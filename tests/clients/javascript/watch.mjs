// Follows the ConfigMaps of a namespace with an informer and prints a line a change; then applies and lists one itself.
// usage: node watch.mjs KUBECONFIG NAMESPACE
import * as k8s from '@kubernetes/client-node';

const [kubeconfig, namespace] = process.argv.slice(2);
const config = new k8s.KubeConfig();
config.loadFromFile(kubeconfig);
const core = config.makeApiClient(k8s.CoreV1Api);
const say = (type, name) => console.log(JSON.stringify({ type, name }));

const informer = k8s.makeInformer(
  config,
  `/api/v1/namespaces/${namespace}/configmaps`,
  () => core.listNamespacedConfigMap({ namespace, labelSelector: 'mine=yes' }),
  'mine=yes',
);
for (const type of ['add', 'update', 'delete']) {
  informer.on(type, (obj) => say(type, obj.metadata.name));
}
informer.on('error', (error) => say('error', String(error)));
await informer.start();
const metadata = { name: 'from-javascript', labels: { mine: 'yes' } };
await core.createNamespacedConfigMap({ namespace, body: { metadata, data: { a: '1' } } });
const read = await core.readNamespacedConfigMap({ name: 'from-javascript', namespace });
say('read', read.data.a);
