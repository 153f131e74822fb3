INSERT INTO models VALUES ('m2', '', 1, 1000, 1000, 'cp-8851', 1, 'Cisco', '["CP-8851","8851"]', '[{"to":"11.2","capability":"none"},{"from":"12.0","capability":"held+"}]');
INSERT INTO seen_devices VALUES ('o1', 'SEP001122AABBCC', 1, 3000, '{"org":"o1","device":"SEP001122AABBCC","known":true,"via":"held"}'), ('o1', 'stranger', 0, 4000, '{"org":"o1","device":"stranger","via":"held"}');
INSERT INTO unknown_elements VALUES ('o1', 'x1', 2, 3, 4000, '{"org":"o1","id":"x1","devices":3,"stranded":2}', 'open', '', 0, '', ''), ('o1', 'x2', 0, 1, 4000, '{"org":"o1","id":"x2","devices":1}', 'mapped', 'ann@harbor.example', 5000, 'seen on the plan', 'l1');
INSERT INTO inventory_cursors VALUES ('node1', 11);
