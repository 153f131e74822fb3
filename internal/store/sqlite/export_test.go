package sqlite

import "database/sql"

// Databases returns the readers' and the writer's pool.
func (s *Store) Databases() []*sql.DB { return []*sql.DB{s.reads, s.writes} }
