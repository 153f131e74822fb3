INSERT INTO reconcile_sources VALUES ('o1', 'rs1', 'webex', 1, '{"id":"rs1","org":"o1","key":"webex"}');
INSERT INTO reconcile_lists VALUES ('o1', 'rs1', 'users.csv', 3000, 'd', x'00ff');
INSERT INTO reconcile_runs VALUES ('o1', 'rs1', 'rr1', '{"id":"rr1"}', '');
