INSERT INTO trunk_states VALUES ('t1', 1, 'n1', 1);
