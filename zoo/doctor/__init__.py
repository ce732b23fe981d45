"""What ``zoo doctor`` finds: what a bug report needs, and whether zoo works here.

Each section looks at one thing and may fail by itself (:mod:`zoo.doctor.report`); torch and the
rest of zoo are imported inside, so that what cannot be imported is a finding like any other.
"""
